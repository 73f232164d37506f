import MessageCore
import Services

/// What a text index knows of a message: its addresses, subject and text, decoded, in lower case.
public struct SearchableText: Sendable {
  public var from = ""
  public var to = ""
  public var cc = ""
  public var bcc = ""
  public var subject = ""
  /// All fields, each in a line with its name.
  public var header = ""
  /// The text parts, one after the other.
  public var body = ""
  /// Whether there is more than was looked at.
  public var isCut = false

  /// Bytes of a header, and of all text parts together, that are looked at.
  static let headerLimit: Int64 = 64 * 1024
  static let textLimit = 256 * 1024

  /// Reads what it needs of a message. What can't be read is left out.
  public init(_ message: any MessageBody) {
    var parser = MIMEParser()
    var offset: Int64 = 0
    while offset < message.size, let piece = try? message.bytes(offset..<(offset + 65_536)), !piece.isEmpty {
      parser.receive(piece)
      offset += Int64(piece.count)
    }
    let result = parser.finish()
    func text(_ name: String) -> String {
      result.header.all(name).map(\.decoded).joined(separator: "\n").lowercased()
    }
    from = text("From")
    to = text("To")
    cc = text("Cc")
    bcc = text("Bcc")
    subject = text("Subject")
    header = result.header.fields.map { "\($0.name): \($0.decoded)" }.joined(separator: "\n").lowercased()
    var budget = Self.textLimit
    var texts: [String] = []
    result.root.forEachLeaf { part in
      guard part.isText || part.contentType.isType("message") else { return }
      let end = min(part.body.upperBound, part.body.lowerBound + budget)
      if end < part.body.upperBound { isCut = true }
      guard end > part.body.lowerBound else { return }
      guard let bytes = try? message.bytes(Int64(part.body.lowerBound)..<Int64(end)) else { return }
      budget -= bytes.count
      texts.append(MessageText.text(of: part, bytes))
    }
    body = texts.joined(separator: "\n").lowercased()
  }

  func field(_ field: MailTextQuery.Field) -> String {
    switch field {
    case .from: from
    case .to: to
    case .cc: cc
    case .bcc: bcc
    case .subject: subject
    case .header: header
    case .body: body
    case .text: [header, body].joined(separator: "\n")
    }
  }
}
