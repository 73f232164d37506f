import DNSCore
import Services
import Transport
import WireKit

/// DNS over UDP (RFC 1035 §4.2.1) for one receive thread.
struct DNSDatagramResponder: DatagramResponder {
  private var responder: Responder
  private let counters: DNSCounters
  private let conversation: DNSConversation
  private var tally = ResponderTally()
  private var isWatched = false
  private let recursion: DatagramRecursion?

  init(
    responder: Responder, counters: DNSCounters, conversation: DNSConversation, recursion: DatagramRecursion? = nil
  ) {
    self.recursion = recursion
    self.responder = responder
    self.counters = counters
    self.conversation = conversation
  }

  mutating func beginBatch() {
    responder.refresh()
    isWatched = conversation.isWatched
  }

  @_lifetime(reply: copy reply)
  mutating func respond(to request: RawSpan, from peer: DatagramPeer, into reply: inout FixedWriter) -> Bool {
    let result = responder.respond(to: request, over: .udp, into: &reply)
    tally.count(result)
    if let result, result.leadsOutside, let recursion, recursion.take(request, from: peer) { return false }
    if isWatched {
      conversation.emit(
        request: request.copied(), reply: result == nil ? [] : reply.written.copied(), peer: peer.endpoint)
    }
    return result != nil
  }

  mutating func endBatch() {
    counters.add(tally)
    tally = ResponderTally()
  }
}
