/// Text for people and for the search index, out of parts.
public enum MessageText {
  /// The bytes of a part, decoded from its transfer encoding and character set, HTML without its marks.
  public static func text(of part: MIMEPart, _ bytes: some Sequence<UInt8>) -> String {
    var output: [UInt8] = []
    if var decoder = TransferDecoder(encoding: part.encoding) {
      decoder.decode(bytes, into: &output)
      decoder.finish(into: &output)
    } else {
      output = Array(bytes)
    }
    let text = Charset.decodeLeniently(output, charset: part.charset)
    return part.contentType.isType("text", "html") ? withoutMarkup(text) : text
  }

  /// The first words of a message (RFC 8970): at most `limit` characters, white space as single spaces.
  public static func preview(_ text: String, limit: Int = 200) -> String {
    // Scalar by scalar, since what a line is made of is asked for each message that is delivered: to split it into
    // characters costs more than all else about a small one.
    var result = String.UnicodeScalarView()
    var count = 0
    var pendingSpace = false
    var isLineStart = true
    var isQuoted = false
    for scalar in text.unicodeScalars {
      if Self.isNewline(scalar) {
        isLineStart = true
        isQuoted = false
        pendingSpace = count > 0
        continue
      }
      if isLineStart {
        isLineStart = false
        isQuoted = scalar == ">"
      }
      if isQuoted { continue }
      let isBlank = scalar.value <= 0x20 || scalar.value == 0xA0 || (scalar.value >= 0x7F && scalar.value < 0xA0)
      if isBlank {
        pendingSpace = count > 0
        continue
      }
      if pendingSpace, count < limit {
        result.append(" ")
        count += 1
      }
      pendingSpace = false
      if count >= limit { break }
      result.append(scalar)
      count += 1
    }
    return String(result)
  }

  /// The ends of lines that `Character.isNewline` knows.
  private static func isNewline(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0A...0x0D, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  /// HTML as text: no marks, no scripts, no styles; character references resolved.
  public static func withoutMarkup(_ html: String) -> String {
    var stripper = MarkupStripper(Array(html.utf8))
    return stripper.run()
  }
}

/// Takes the text out of HTML in one pass.
struct MarkupStripper {
  private let bytes: [UInt8]
  private var index = 0
  private var output: [UInt8] = []

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func run() -> String {
    output.reserveCapacity(bytes.count / 2)
    while index < bytes.count {
      switch bytes[index] {
      case 0x3C: mark()
      case 0x26: reference()
      default:
        output.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  private mutating func mark() {
    if starts(with: "<!--") {
      index = find("-->", from: index + 4).map { $0 + 3 } ?? bytes.count
      return
    }
    let nameStart = index + 1
    guard nameStart < bytes.count, Self.isNameStart(bytes[nameStart]) else {
      output.append(bytes[index])
      index += 1
      return
    }
    for hidden in ["script", "style", "head", "title"] where isElement(hidden, at: nameStart) {
      index = find("</\(hidden)", from: nameStart) ?? bytes.count
      if index < bytes.count { index += 2 + hidden.utf8.count }
      break
    }
    while index < bytes.count, bytes[index] != 0x3E { index += 1 }
    index = min(bytes.count, index + 1)
    output.append(Self.isInline(bytes, nameStart) ? 0x20 : 0x0A)
  }

  private static func isNameStart(_ byte: UInt8) -> Bool {
    byte == 0x2F || byte == 0x21 || byte == 0x3F || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
  }

  private static func isInline(_ bytes: [UInt8], _ start: Int) -> Bool {
    let name = bytes[start...].prefix { $0 != 0x3E && $0 != 0x20 }.prefix(8).map { $0 | 0x20 }
    return ![Array("br".utf8), Array("p".utf8), Array("/p".utf8), Array("div".utf8), Array("tr".utf8)].contains(name)
  }

  private func isElement(_ name: String, at start: Int) -> Bool {
    let count = name.utf8.count
    guard start + count < bytes.count else { return false }
    let next = bytes[start + count]
    return zip(bytes[start...], name.utf8).allSatisfy { $0 | 0x20 == $1 } && (next == 0x3E || Scanner.isSpace(next))
  }

  private func starts(with text: String) -> Bool { bytes[index...].starts(with: text.utf8) }

  private func find(_ text: String, from start: Int) -> Int? {
    let pattern = Array(text.utf8)
    guard let first = pattern.first else { return nil }
    var position = start
    while position + pattern.count <= bytes.count {
      if bytes[position] == first,
        zip(bytes[position...], pattern).allSatisfy({ $0 == $1 || ($0 | 0x20 == $1 && $1 >= 0x61) })
      {
        return position
      }
      position += 1
    }
    return nil
  }

  private static let names: [String: Unicode.Scalar] = [
    "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": " ", "auml": "ä", "ouml": "ö", "uuml": "ü",
    "Auml": "Ä", "Ouml": "Ö", "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è", "agrave": "à", "ccedil": "ç",
    "euro": "€", "copy": "©", "ndash": "–", "mdash": "—", "hellip": "…", "rsquo": "’", "lsquo": "‘", "ldquo": "“",
    "rdquo": "”", "zwnj": " ", "shy": " ",
  ]

  private mutating func reference() {
    let rest = bytes[(index + 1)...].prefix(10)
    guard let end = rest.firstIndex(of: 0x3B) else {
      output.append(bytes[index])
      index += 1
      return
    }
    let name = String(decoding: bytes[(index + 1)..<end], as: UTF8.self)
    var scalar = Self.names[name]
    if name.hasPrefix("#x") || name.hasPrefix("#X") {
      scalar = UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
    } else if name.hasPrefix("#") {
      scalar = UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init)
    }
    if let scalar {
      output += Array(String(scalar).utf8)
      index = end + 1
    } else {
      output.append(bytes[index])
      index += 1
    }
  }
}
