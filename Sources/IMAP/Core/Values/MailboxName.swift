/// A mailbox's name in Unicode, its levels separated by `/` (RFC 9051 §5.1). `INBOX`, in whatever case, is one name.
///
/// On the wire it is modified UTF-7 (RFC 3501 §5.1.3), or UTF-8 once a client has enabled IMAP4rev2 or UTF8=ACCEPT.
public struct MailboxName: Hashable, Sendable, Comparable, CustomStringConvertible {
  public static let separator = UInt8(ascii: "/")

  public let description: String

  /// From text. Only INBOX is changed: to upper case, also as the first level.
  public init(_ text: String) {
    let bytes = Array(text.utf8.prefix(6))
    let isInbox =
      bytes.count >= 5 && zip(bytes, "inbox".utf8).allSatisfy { $0.asciiLowercase == $1 }
      && (bytes.count == 5 || bytes[5] == Self.separator)
    description = isInbox ? "INBOX" + String(decoding: text.utf8.dropFirst(5), as: UTF8.self) : text
  }

  public static let inbox = MailboxName("INBOX")

  public static func < (left: MailboxName, right: MailboxName) -> Bool { left.description < right.description }

  /// From the wire. `nil` for what is neither form, and for control characters.
  /// - Parameter isUTF8: Whether the client has enabled UTF-8. Octets above 127 are taken as UTF-8 in any case: many clients send them.
  public init?(wire: [UInt8], isUTF8: Bool) {
    guard !wire.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return nil }
    if isUTF8 || wire.contains(where: { $0 >= 0x80 }) {
      guard let text = String(validating: wire, as: UTF8.self) else { return nil }
      self.init(text)
    } else {
      guard let text = ModifiedUTF7.decode(wire) else { return nil }
      self.init(text)
    }
  }

  /// The wire form, without quotes.
  public func wire(isUTF8: Bool) -> [UInt8] {
    isUTF8 ? Array(description.utf8) : ModifiedUTF7.encode(description)
  }

  /// The name without its last level; `nil` at the top.
  public var parent: MailboxName? {
    guard let index = description.utf8.lastIndex(of: Self.separator) else { return nil }
    return MailboxName(String(description.utf8[..<index]) ?? "")
  }

  /// Whether a mailbox can be made under this name: no empty level, no leading or trailing separator, no wildcard, and at most 32 levels
  /// and 1,000 octets.
  public var isUsable: Bool {
    let bytes = description.utf8
    guard !bytes.isEmpty, bytes.count <= 1000 else { return false }
    guard !bytes.contains(where: { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "%") || $0 < 0x20 || $0 == 0x7F })
    else { return false }
    let levels = bytes.split(separator: Self.separator, omittingEmptySubsequences: false)
    return levels.count <= 32 && levels.allSatisfy { !$0.isEmpty }
  }
}

/// Modified UTF-7: printable ASCII as it is, `&` as `&-`, everything else as `&` base 64 of UTF-16 `-` with `,` for `/`
/// (RFC 3501 §5.1.3).
public enum ModifiedUTF7 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

  /// The wire form of a text.
  public static func encode(_ text: String) -> [UInt8] {
    var output: [UInt8] = []
    var units: [UInt16] = []
    for scalar in text.unicodeScalars {
      if (0x20...0x7E).contains(scalar.value) {
        flush(&units, to: &output)
        output.append(UInt8(truncatingIfNeeded: scalar.value))
        if scalar == "&" { output.append(UInt8(ascii: "-")) }
      } else {
        units.append(contentsOf: UTF16.encode(scalar).map { Array($0) } ?? [])
      }
    }
    flush(&units, to: &output)
    return output
  }

  private static func flush(_ units: inout [UInt16], to output: inout [UInt8]) {
    guard !units.isEmpty else { return }
    output.append(UInt8(ascii: "&"))
    var bits: UInt32 = 0
    var count: UInt32 = 0
    for unit in units {
      bits = bits << 16 | UInt32(unit)
      count += 16
      while count >= 6 {
        count -= 6
        output.append(alphabet[Int(bits >> count & 0x3F)])
      }
      bits &= (1 << count) - 1
    }
    if count > 0 { output.append(alphabet[Int(bits << (6 - count) & 0x3F)]) }
    output.append(UInt8(ascii: "-"))
    units.removeAll()
  }

  /// The text of a wire form; `nil` for what `encode` would never write: a name has one form, so that two names are never one mailbox.
  public static func decode(_ wire: [UInt8]) -> String? {
    var text = ""
    var index = 0
    while index < wire.count {
      let byte = wire[index]
      guard (0x20...0x7E).contains(byte) else { return nil }
      guard byte == UInt8(ascii: "&") else {
        text.unicodeScalars.append(Unicode.Scalar(byte))
        index += 1
        continue
      }
      guard let end = wire[index...].firstIndex(of: UInt8(ascii: "-")) else { return nil }
      if end == index + 1 {
        text.append("&")
      } else {
        guard let part = decodeShifted(wire[(index + 1)..<end]) else { return nil }
        text.append(part)
      }
      index = end + 1
    }
    return encode(text) == wire ? text : nil
  }

  private static func decodeShifted(_ digits: ArraySlice<UInt8>) -> String? {
    var units: [UInt16] = []
    var bits: UInt32 = 0
    var count: UInt32 = 0
    for digit in digits {
      guard let value = value(of: digit) else { return nil }
      bits = bits << 6 | value
      count += 6
      if count >= 16 {
        count -= 16
        units.append(UInt16(truncatingIfNeeded: bits >> count))
        bits &= (1 << count) - 1
      }
    }
    return String(validating: units, as: UTF16.self)
  }

  private static func value(of digit: UInt8) -> UInt32? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit) - 71
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit) + 4
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: ","): 63
    default: nil
    }
  }
}
