import DNSCore
import Services
import Transport
import WireKit

/// What stands behind the stream sessions: counters and those who watch. Answers come from the sessions themselves.
public struct DNSStreamHandler: RequestHandler {
  let counters: DNSCounters
  let context: ServerContext

  public func handle(_ request: Never, body: RequestBody, on connection: Connection) async -> Never {}

  public func report(_ event: DNSStreamEvent, on connection: Connection) {
    switch event {
    case .answered(let tally): counters.add(tally)
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
