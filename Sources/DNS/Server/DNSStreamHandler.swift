import DNSCore
import Services
import Transport
import WireKit

/// What stands behind the stream sessions: the resolver, counters, and those who watch. What our zones hold is answered by
/// the sessions themselves.
public struct DNSStreamHandler: RequestHandler {
  let counters: DNSCounters
  let context: ServerContext
  let resolver: (any RecursiveResolver)?
  let meters: DNSMeters

  public func handle(_ query: [UInt8], body: RequestBody, on connection: Connection) async -> [UInt8]? {
    guard let resolver else { return nil }
    let reply = await resolver.reply(to: query, over: .stream)
    let conversation = DNSConversation(context: context, service: connection.service)
    if conversation.isWatched {
      conversation.emit(request: query, reply: reply ?? [], peer: connection.peer, session: connection.id)
    }
    return reply
  }

  public func report(_ event: DNSStreamEvent, on connection: Connection) {
    switch event {
    case .answered(let tally, since: let start):
      counters.add(tally)
      meters.note(tally, nanoseconds: (context.clock.now() - start).wholeNanoseconds, connection)
    case .exchanged(let request, let reply):
      DNSConversation(context: context, service: connection.service)
        .emit(request: request, reply: reply, peer: connection.peer, session: connection.id)
    case .malformed:
      context.events.emit(
        Services.Event(
          time: context.clock.wallTime(), severity: .info, message: "no DNS query on a DNS connection",
          service: connection.service, session: connection.id, peer: connection.peer))
    case .idle: break
    }
  }
}
