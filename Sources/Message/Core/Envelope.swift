/// What IMAP's ENVELOPE tells of a message (RFC 9051 §7.5.2): texts as they stand in the header, encoded words and all.
public struct Envelope: Sendable, Hashable {
  public var date: String?
  public var subject: String?
  public var from: [Address] = []
  /// The From field's where the message has none, as the RFC demands; `replyTo` likewise.
  public var sender: [Address] = []
  public var replyTo: [Address] = []
  public var to: [Address] = []
  public var cc: [Address] = []
  public var bcc: [Address] = []
  public var inReplyTo: String?
  public var messageID: String?

  public init() {}

  public init(_ header: HeaderBlock, limits: MessageLimits = MessageLimits()) {
    func addresses(_ name: String) -> [Address] {
      let fields = header.all(name)
      guard let first = fields.first else { return [] }
      if fields.count == 1 { return Address.list(first.rawValue, limits: limits) }
      return Array(fields.flatMap { Address.list($0.rawValue, limits: limits) }.prefix(limits.addresses))
    }
    date = header.first("Date")?.text
    subject = header.first("Subject")?.text
    from = addresses("From")
    sender = addresses("Sender")
    if sender.isEmpty { sender = from }
    replyTo = addresses("Reply-To")
    if replyTo.isEmpty { replyTo = from }
    to = addresses("To")
    cc = addresses("Cc")
    bcc = addresses("Bcc")
    inReplyTo = header.first("In-Reply-To")?.text
    messageID = header.first("Message-ID")?.text
  }
}

/// Message identifiers, `<left@right>` (RFC 5322 §3.6.4).
public enum MessageIdentifiers {
  /// All that stand in a field's value, without what is around them, with their angle brackets.
  public static func parse(_ value: [UInt8], limit: Int = MessageLimits().references) -> [String] {
    var result: [String] = []
    var start: Int?
    for (index, byte) in value.enumerated() {
      if byte == 0x3C {
        start = index
      } else if byte == 0x3E, let open = start {
        let inner = value[open...index].filter { !Scanner.isSpace($0) }
        if inner.count > 2, inner.count <= 998 { result.append(String(decoding: inner, as: UTF8.self)) }
        start = nil
      }
    }
    return Array(result.suffix(limit))
  }
}
