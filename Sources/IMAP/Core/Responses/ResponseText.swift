/// How values look on the wire (RFC 9051 §4). Each only appends.
extension [UInt8] {
  public mutating func appendLineEnd() {
    append(0x0D)
    append(0x0A)
  }

  public mutating func appendSpace() { append(UInt8(ascii: " ")) }

  /// An atom where it can be one, else a string.
  public mutating func append(astring bytes: [UInt8]) {
    let isAtom = !bytes.isEmpty && bytes.allSatisfy(CommandReader.isAStringCharacter)
    // NIL as a bare word is no string.
    if isAtom, String(decoding: bytes, as: UTF8.self).uppercased() != "NIL" {
      append(contentsOf: bytes)
    } else {
      append(string: bytes)
    }
  }

  /// A quoted string where the octets allow it, else a literal.
  /// - Parameter allowsUTF8: Whether the client has enabled UTF-8 in quoted strings.
  public mutating func append(string bytes: [UInt8], allowsUTF8: Bool = false) {
    let isQuotable =
      bytes.count <= 4096
      && bytes.allSatisfy { byte in byte != 0 && byte != 0x0D && byte != 0x0A && (byte < 0x80 || allowsUTF8) }
    guard isQuotable else {
      append(literal: bytes)
      return
    }
    append(UInt8(ascii: "\""))
    for byte in bytes {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { append(UInt8(ascii: "\\")) }
      append(byte)
    }
    append(UInt8(ascii: "\""))
  }

  /// A string, or `NIL`.
  public mutating func append(nstring bytes: [UInt8]?, allowsUTF8: Bool = false) {
    if let bytes { append(string: bytes, allowsUTF8: allowsUTF8) } else { append(contentsOf: "NIL".utf8) }
  }

  public mutating func append(literal bytes: [UInt8]) {
    if bytes.contains(0) { append(UInt8(ascii: "~")) }
    appendLiteralHeader(bytes.count)
    append(contentsOf: bytes)
  }

  /// `{123}` and its line's end; the octets must follow.
  public mutating func appendLiteralHeader(_ count: Int) {
    append(UInt8(ascii: "{"))
    append(decimal: UInt64(Swift.max(0, count)))
    append(UInt8(ascii: "}"))
    appendLineEnd()
  }

  public mutating func append(mailbox name: MailboxName, isUTF8: Bool) {
    let wire = name.wire(isUTF8: isUTF8)
    if wire.contains(where: { $0 >= 0x80 }) {
      append(string: wire, allowsUTF8: true)
    } else {
      append(astring: wire)
    }
  }

  /// `(\Seen $Junk)`
  public mutating func append(flags: [Flag]) {
    append(UInt8(ascii: "("))
    for (index, flag) in flags.enumerated() {
      if index > 0 { appendSpace() }
      append(contentsOf: flag.description.utf8)
    }
    append(UInt8(ascii: ")"))
  }

  /// `* 23 EXISTS`
  public mutating func append(untagged number: UInt64, _ word: StaticString) {
    append(contentsOf: "* ".utf8)
    append(decimal: number)
    appendSpace()
    word.withUTF8Buffer { append(contentsOf: $0) }
    appendLineEnd()
  }

  /// `* OK [CLOSED] text`
  public mutating func append(untagged completion: Completion) {
    append(contentsOf: "* ".utf8)
    completion.write(to: &self)
  }
}
