import WireKit

/// An answer of many messages, made one at a time as they leave: as much stands in memory as one message takes.
public protocol MessageSource: Sendable {
  /// The next message; `nil` behind the last one. Throws where there can't be one: the connection ends then.
  mutating func next() throws(WireError) -> [UInt8]?
}

/// An answer whose messages are signed as they leave (RFC 8945 §5.3.1).
public struct SignedMessages: MessageSource {
  private var source: any MessageSource
  private var transaction: TSIGTransaction

  public init(_ source: any MessageSource, _ transaction: TSIGTransaction) {
    self.source = source
    self.transaction = transaction
  }

  public mutating func next() throws(WireError) -> [UInt8]? {
    guard var message = try source.next() else { return nil }
    transaction.sign(&message)
    return message
  }
}

/// Something that is held for as long as an answer leaves: a place among the transfers that may run at once.
public struct HeldMessages: MessageSource {
  private var source: any MessageSource
  private let held: any AnyObject & Sendable

  public init(_ source: any MessageSource, holding held: any AnyObject & Sendable) {
    self.source = source
    self.held = held
  }

  public mutating func next() throws(WireError) -> [UInt8]? { try source.next() }
}

/// What begins every message of a transfer: id, flags, the question.
struct TransferHead {
  let octets: [UInt8]

  init(id: UInt16, _ question: Question) {
    var head: [UInt8] = []
    head.appendInteger(id)
    head.appendInteger(Header(id: id, flags: [.response, .authoritative]).bits)
    for count in [1, 0, 0, 0] as [UInt16] { head.appendInteger(count) }
    head.append(contentsOf: question.name.wire)
    head.appendInteger(question.type.rawValue)
    head.appendInteger(question.recordClass.rawValue)
    octets = head
  }

  /// Octets at which a message is full: below the 16,384 that compression pointers reach.
  static let fill = 16_000
}
