import DNSCore
import Glibc
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
  private let transactions: DatagramTransactions?
  private let limiter: RateLimiter?
  private let views: DNSViews?
  private var viewResponders: [ViewResponder] = []
  private var seenViews: UInt64 = 0
  /// Seconds since 1970, at the last batch.
  private var time: UInt32 = 0
  /// At the last batch, for known replies.
  private var now = MonotonicTime(nanoseconds: 0)

  init(
    responder: Responder, counters: DNSCounters, conversation: DNSConversation, recursion: DatagramRecursion? = nil,
    transactions: DatagramTransactions? = nil, limiter: RateLimiter? = nil, views: DNSViews? = nil
  ) {
    self.views = views
    self.limiter = limiter
    self.recursion = recursion
    self.transactions = transactions
    self.responder = responder
    self.counters = counters
    self.conversation = conversation
  }

  mutating func beginBatch() {
    responder.refresh()
    views?.refresh(&viewResponders, &seenViews, responder.settings)
    time = UInt32(truncatingIfNeeded: Glibc.time(nil))
    isWatched = conversation.isWatched
    if let recursion { now = recursion.now }
  }

  @_lifetime(reply: copy reply)
  mutating func respond(to request: RawSpan, from peer: DatagramPeer, into reply: inout FixedWriter) -> Bool {
    let origin = RequestOrigin(peer.endpoint.address, time: time)
    let result =
      viewResponders.isEmpty
      ? responder.respond(to: request, over: .udp, from: origin, into: &reply)
      : respond(to: request, inViewOf: origin, into: &reply)
    tally.count(result)
    if let result, result.isTransaction, let transactions {
      transactions.take(request, from: peer)
      return false
    }
    if let result, result.leadsOutside, let recursion {
      if recursion.recall(request, from: origin.address, now: now, into: &reply) {
        if isWatched {
          conversation.emit(request: request.copied(), reply: reply.written.copied(), peer: peer.endpoint)
        }
        return true
      }
      if recursion.take(request, from: peer) { return false }
    }
    if let limiter, let result, !result.hasServerCookie {
      switch limiter.judge(origin, likeness: result.likeness) {
      case .send: break
      case .drop:
        tally.dropped &+= 1
        return false
      case .slip:
        tally.slipped &+= 1
        Responder.shorten(&reply)
      }
    }
    if isWatched {
      conversation.emit(
        request: request.copied(), reply: result == nil ? [] : reply.written.copied(), peer: peer.endpoint)
    }
    return result != nil
  }

  /// From the zones of the first view that the client lies in.
  @_lifetime(reply: copy reply)
  private func respond(
    to request: RawSpan, inViewOf origin: RequestOrigin, into reply: inout FixedWriter
  ) -> ResponderResult? {
    for view in viewResponders where view.networks.contains(where: { $0.contains(origin.address) }) {
      return view.responder.respond(to: request, over: .udp, from: origin, into: &reply)
    }
    return responder.respond(to: request, over: .udp, from: origin, into: &reply)
  }

  mutating func endBatch() {
    counters.add(tally)
    tally = ResponderTally()
  }
}
