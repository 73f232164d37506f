import MessageCore
import Services
import SieveCore

/// A message as a Sieve script sees it. The content is read only when a test asks for it, and to a bound.
final class FilteredMessage: SieveMessage {
  static let maximumText: Int64 = 1 << 20

  let size: Int64
  let envelopeFrom: String
  let envelopeTo: String
  let now: Int64
  private let block: MessageCore.HeaderBlock
  private let message: PreparedMessage
  private let mailboxes: Set<String>

  init(_ message: PreparedMessage, from: String, to: String, mailboxes: [String], now: Int64) {
    self.message = message
    size = message.size
    envelopeFrom = from
    envelopeTo = to
    self.now = now
    self.mailboxes = Set(mailboxes)
    // What came back from the queue has its header in front of its body.
    let head =
      message.head.isEmpty ? (try? message.body.bytes(0..<min(message.body.size, 262_144))) ?? [] : message.head
    block = MessageCore.HeaderBlock(head)
  }

  func header(_ name: String) -> [String] { block.all(name).map(\.decoded) }

  func addresses(_ name: String) -> [String] {
    block.all(name).flatMap { Address.list($0.value) }.compactMap(\.addrSpec)
  }

  func raw() -> String {
    let range = message.range
    let end = min(range.upperBound, range.lowerBound + Self.maximumText)
    return String(decoding: (try? message.body.bytes(range.lowerBound..<end)) ?? [], as: UTF8.self)
  }

  func text() -> String {
    var parser = MIMEParser()
    var bytes = message.head
    let range = message.range
    bytes +=
      (try? message.body.bytes(range.lowerBound..<min(range.upperBound, range.lowerBound + Self.maximumText))) ?? []
    parser.receive(bytes)
    var text = ""
    parser.finish().root.forEachLeaf { part in
      guard part.isText, part.body.lowerBound <= bytes.count else { return }
      let end = min(part.body.upperBound, bytes.count)
      text += MessageText.text(of: part, bytes[part.body.lowerBound..<max(end, part.body.lowerBound)]) + "\n"
    }
    return text
  }

  func hasMailbox(_ name: String) -> Bool { mailboxes.contains(name) }
}
