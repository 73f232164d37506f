/// Makes messages: delivery reports, notices, samples. Line ends are CRLF, lines at most 998 bytes.
public struct MessageBuilder: Sendable {
  private var header: [UInt8] = []
  private var content: [UInt8] = []

  public init() {}

  /// Adds a field. Text that is no ASCII becomes encoded words; line ends in it become spaces, so that no field can be
  /// slipped in. Long values are folded at white space.
  public mutating func field(_ name: String, _ value: String) {
    structuredField(name, EncodedWord.encode(Self.oneLine(value)))
  }

  /// Adds a field whose value is in its final form: addresses, a type with parameters.
  public mutating func structuredField(_ name: String, _ value: String) {
    var line = Array("\(name):".utf8)
    for word in Self.oneLine(value).split(separator: " ") {
      if line.count + 1 + word.utf8.count > 78, line.count > name.utf8.count + 2 {
        header += line + [0x0D, 0x0A]
        line = []
      }
      line.append(0x20)
      line.append(contentsOf: word.utf8)
    }
    header += line + [0x0D, 0x0A]
  }

  /// Adds an address field.
  public mutating func addresses(_ name: String, _ addresses: [Address]) {
    let texts = addresses.compactMap { address -> String? in
      guard let spec = address.addrSpec else { return nil }
      guard let display = address.name, !display.isEmpty else { return spec }
      return "\(Self.phrase(display)) <\(spec)>"
    }
    structuredField(name, texts.joined(separator: ", "))
  }

  public mutating func date(_ date: MessageDate) { structuredField("Date", date.text) }

  /// Sets the body: text, with any kind of line ends. Encoded where lines are long or it is no ASCII.
  public mutating func text(_ text: String, subtype: String = "plain") {
    let bytes = Self.crlf(Array(text.utf8))
    let isPlain = bytes.allSatisfy { $0 < 0x80 && $0 != 0 } && Self.longestLine(bytes) <= 998
    structuredField("MIME-Version", "1.0")
    structuredField("Content-Type", "text/\(subtype); charset=\(isPlain ? "us-ascii" : "utf-8")")
    if !isPlain { structuredField("Content-Transfer-Encoding", "quoted-printable") }
    content = isPlain ? bytes : QuotedPrintable.encode(bytes)
  }

  /// One part of a multipart.
  public struct Part: Sendable {
    /// Its fields, in their final form, such as `("Content-Type", "message/rfc822")`.
    public var fields: [(name: String, value: String)]
    public var content: [UInt8]

    public init(_ fields: [(name: String, value: String)], _ content: [UInt8]) {
      self.fields = fields
      self.content = content
    }

    /// A text part, encoded where it must be.
    public static func text(_ text: String, subtype: String = "plain") -> Part {
      let bytes = MessageBuilder.crlf(Array(text.utf8))
      if bytes.allSatisfy({ $0 < 0x80 && $0 != 0 }), MessageBuilder.longestLine(bytes) <= 998 {
        return Part([("Content-Type", "text/\(subtype); charset=us-ascii")], bytes)
      }
      return Part(
        [
          ("Content-Type", "text/\(subtype); charset=utf-8"), ("Content-Transfer-Encoding", "quoted-printable"),
        ], QuotedPrintable.encode(bytes))
    }

    /// A file.
    public static func attachment(_ name: String, type: String, _ bytes: [UInt8]) -> Part {
      let ascii = name.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }
      let parameter = ascii ? "filename=\"\(name)\"" : "filename*=utf-8''\(MessageBuilder.percentEncoded(name))"
      return Part(
        [
          ("Content-Type", type), ("Content-Disposition", "attachment; \(parameter)"),
          ("Content-Transfer-Encoding", "base64"),
        ], Base64.lines(bytes))
    }
  }

  /// Sets the body: several parts. `parameters` follow the type, such as `report-type=delivery-status`. The boundary is one
  /// that no part holds.
  public mutating func multipart(_ subtype: String, parameters: [String] = [], _ parts: [Part]) {
    var number = 0
    var boundary = "=_portside"
    while parts.contains(where: { Self.contains($0.content, "--" + boundary) }) {
      number += 1
      boundary = "=_portside_\(number)"
    }
    structuredField("MIME-Version", "1.0")
    structuredField(
      "Content-Type", (["multipart/\(subtype)"] + parameters + ["boundary=\"\(boundary)\""]).joined(separator: "; "))
    var body: [UInt8] = []
    for part in parts {
      body += Array("--\(boundary)\r\n".utf8)
      var inner = MessageBuilder()
      for (name, value) in part.fields { inner.structuredField(name, value) }
      body += inner.header + [0x0D, 0x0A] + part.content
      if !part.content.suffix(2).elementsEqual([0x0D, 0x0A]) { body += [0x0D, 0x0A] }
    }
    content = body + Array("--\(boundary)--\r\n".utf8)
  }

  /// The whole message.
  public var bytes: [UInt8] { header + [0x0D, 0x0A] + content }

  // MARK: Texts

  private static func oneLine(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
  }

  private static func phrase(_ text: String) -> String {
    let line = oneLine(text)
    let encoded = EncodedWord.encode(line)
    if encoded != line { return encoded }
    let isAtoms = line.utf8.allSatisfy { byte in
      switch byte {
      case 0x20, 0x61...0x7A, 0x41...0x5A, 0x30...0x39, 0x2D, 0x5F, 0x27: true
      default: false
      }
    }
    return isAtoms ? line : Address.quoted(line)
  }

  static func percentEncoded(_ text: String) -> String {
    String(
      decoding: text.utf8.flatMap { byte -> [UInt8] in
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, 0x2D, 0x2E, 0x5F: [byte]
        default: [0x25, hexDigit(byte >> 4), hexDigit(byte & 15)]
        }
      }, as: UTF8.self)
  }

  /// With CRLF for every CRLF, CR and LF.
  static func crlf(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count + bytes.count / 40)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte == 0x0D || byte == 0x0A {
        result += [0x0D, 0x0A]
        if byte == 0x0D, index + 1 < bytes.count, bytes[index + 1] == 0x0A { index += 1 }
      } else {
        result.append(byte)
      }
      index += 1
    }
    return result
  }

  static func longestLine(_ bytes: [UInt8]) -> Int {
    bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(\.count).max() ?? 0
  }

  private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
    let pattern = Array(text.utf8)
    guard bytes.count >= pattern.count else { return false }
    return (0...(bytes.count - pattern.count)).contains { start in bytes[start...].starts(with: pattern) }
  }
}
