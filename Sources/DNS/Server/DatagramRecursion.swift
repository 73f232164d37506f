import DNSCore
import Services
import Synchronization
import Transport
import WireKit

/// Hands UDP queries that lead outside to the resolver, and sends its replies when they are there.
final class DatagramRecursion: Sendable {
  /// Queries that may be on their way at once; beyond, clients ask again.
  private static let maximum = 2048

  private let resolver: any RecursiveResolver
  private let replies: LateReplies
  private let conversation: DNSConversation
  private let underWay = Atomic(0)
  private let meter: MeterShard

  init(
    _ resolver: any RecursiveResolver, _ replies: LateReplies, _ conversation: DNSConversation, _ meter: MeterShard
  ) {
    self.meter = meter
    self.resolver = resolver
    self.replies = replies
    self.conversation = conversation
  }

  /// The time that known replies go by.
  var now: MonotonicTime { resolver.now }

  /// Whether this client may ask, and its reply is known and written.
  @_lifetime(reply: copy reply)
  func recall(
    _ request: RawSpan, from address: IPAddress, now: MonotonicTime, into reply: inout FixedWriter
  ) -> Bool {
    resolver.serves(address) && resolver.replies.write(replyTo: request, over: .udp, now: now, into: &reply)
  }

  /// Whether the query is the resolver's now. `false`: this client may not ask, and gets the reply that is at hand.
  func take(_ request: RawSpan, from peer: DatagramPeer) -> Bool {
    guard resolver.serves(peer.endpoint.address) else { return false }
    guard underWay.add(1, ordering: .relaxed).newValue <= Self.maximum else {
      underWay.subtract(1, ordering: .relaxed)
      return true
    }
    let (query, origin) = (request.copied(), peer.origin)
    let start = ContinuousClock.now
    Task {
      let reply = await resolver.reply(to: query, over: .udp)
      underWay.subtract(1, ordering: .relaxed)
      if conversation.isWatched { conversation.emit(request: query, reply: reply ?? [], peer: origin.endpoint) }
      if let reply { replies.send(reply, to: origin) }
      meter.note(bytesOut: reply?.count ?? 0)
      meter.note(
        DNSMeters.recursive, reply == nil ? .failed : .ok, nanoseconds: start.duration(to: .now).wholeNanoseconds)
    }
    return true
  }
}
