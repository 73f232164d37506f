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
  let transactions: (any DNSTransactions)?

  public func handle(_ request: DNSStreamRequest, body: RequestBody, on connection: Connection) async -> DNSReply {
    let reply: DNSReply
    switch request.kind {
    case .recursion:
      guard let resolver else { return .none }
      reply = DNSReply(await resolver.reply(to: request.octets, over: .stream))
    case .transaction:
      guard let transactions else { return .none }
      reply = await transactions.answer(request.octets, from: connection.peer, over: .stream)
    }
    let conversation = DNSConversation(context: context, service: connection.service)
    if conversation.isWatched {
      // Of an answer of many messages the request alone is told.
      var octets: [UInt8] = []
      if case .message(let message) = reply { octets = message }
      conversation.emit(request: request.octets, reply: octets, peer: connection.peer, session: connection.id)
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
