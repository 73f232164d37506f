import WireKit

/// The clipboard (MS-RDPECLIP): text, in both directions.
struct Clipboard: Sendable {
  /// What the session has to do.
  enum Event: Sendable, Equatable {
    case nothing
    /// The client's clipboard has this text, asked for by `paste`.
    case text(String)
  }

  private static let unicodeText: UInt32 = 13

  private var usesLongNames = false
  private var clientHasText = false
  /// What was copied in the session.
  private var copied = ""
  private var isAsked = false
  private let limit: Int
  /// Messages for the client, in order.
  private var outgoing: [[UInt8]] = []

  init(limit: Int) { self.limit = limit }

  mutating func takeOutgoing() -> [[UInt8]] {
    defer { outgoing = [] }
    return outgoing
  }

  private mutating func send(_ type: UInt16, flags: UInt16 = 0, _ body: [UInt8] = []) {
    var message: [UInt8] = []
    message.appendLittleEndian(type)
    message.appendLittleEndian(flags)
    message.appendLittleEndian(UInt32(clamping: body.count))
    outgoing.append(message + body)
  }

  /// The server's first words (1.3.2.1): capabilities, and that it is ready.
  mutating func begin() {
    // One set: general, 12 bytes, version 2, long format names.
    send(7, [1, 0, 0, 0, 1, 0, 12, 0, 2, 0, 0, 0, 2, 0, 0, 0])
    send(1)
  }

  /// Something was copied in the session: the client is told that there is text.
  mutating func copy(_ text: String) {
    copied = text
    var formats: [UInt8] = []
    formats.appendLittleEndian(Self.unicodeText)
    formats += [UInt8](repeating: 0, count: usesLongNames ? 2 : 32)
    send(2, formats)
  }

  /// The client's text is wanted.
  mutating func paste() {
    guard clientHasText, !isAsked else { return }
    isAsked = true
    var format: [UInt8] = []
    format.appendLittleEndian(Self.unicodeText)
    send(4, format)
  }

  /// Takes a message from the client.
  mutating func take(_ message: [UInt8]) throws(WireError) -> Event {
    let span = message.span.bytes
    var reader = WireReader(span)
    let type: UInt16 = try reader.readLittleEndian("clipboard type")
    let flags: UInt16 = try reader.readLittleEndian("clipboard flags")
    let length = try Unverified(reader.readLittleEndian("clipboard length", as: UInt32.self))
      .verified(atMost: reader.remaining, "clipboard length")
    var body = WireReader(try reader.readSpan(length, "clipboard data"))
    switch type {
    case 7:
      try body.skip(12, "clipboard capabilities")
      usesLongNames = try body.readLittleEndian("clipboard capabilities", as: UInt32.self) & 2 != 0
    case 2:
      clientHasText = try hasText(&body)
      send(3, flags: 1)
    case 4:
      let format: UInt32 = try body.readLittleEndian("format")
      if format == Self.unicodeText {
        send(5, flags: 1, UTF16Text.encode(copied.replacing("\n", with: "\r\n")) + [0, 0])
      } else {
        send(5, flags: 2)
      }
    case 5:
      guard isAsked else { return .nothing }
      isAsked = false
      if flags & 1 != 0 { return .text(UTF16Text.decode(try body.readSpan(body.remaining, "clipboard text"))) }
    default: break
    }
    return .nothing
  }

  /// Whether a list of formats (2.2.3.1) has text.
  private func hasText(_ body: inout WireReader) throws(WireError) -> Bool {
    while body.remaining >= 4 {
      if try body.readLittleEndian("format", as: UInt32.self) == Self.unicodeText { return true }
      if usesLongNames {
        while try body.readLittleEndian("format name", as: UInt16.self) != 0 {}
      } else {
        try body.skip(min(32, body.remaining), "format name")
      }
    }
    return false
  }
}

extension String {
  /// Every `old` replaced. Without Foundation, and for one character.
  fileprivate func replacing(_ old: Character, with new: String) -> String {
    reduce(into: "") { text, character in
      if character == old { text += new } else { text.append(character) }
    }
  }
}
