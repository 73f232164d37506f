import DNSCore
import Synchronization
import Transport
import WireKit

/// Hands UDP requests that are more than questions on, and sends the replies when they are there.
final class DatagramTransactions: Sendable {
  /// Requests that may be on their way at once; beyond, clients ask again.
  private static let maximum = 256

  private let transactions: any DNSTransactions
  private let replies: LateReplies
  private let conversation: DNSConversation
  private let underWay = Atomic(0)

  init(_ transactions: any DNSTransactions, _ replies: LateReplies, _ conversation: DNSConversation) {
    self.transactions = transactions
    self.replies = replies
    self.conversation = conversation
  }

  func take(_ request: RawSpan, from peer: DatagramPeer) {
    guard underWay.add(1, ordering: .relaxed).newValue <= Self.maximum else {
      underWay.subtract(1, ordering: .relaxed)
      return
    }
    let (request, origin) = (request.copied(), peer.origin)
    Task {
      let reply = await transactions.answer(request, from: origin.endpoint, over: .udp)
      underWay.subtract(1, ordering: .relaxed)
      guard case .message(let octets) = reply else { return }
      if conversation.isWatched { conversation.emit(request: request, reply: octets, peer: origin.endpoint) }
      replies.send(octets, to: origin)
    }
  }
}
