/// Character sets of mail, to UTF-8.
public enum Charset {
  /// The text in Unicode; `nil` for a character set that we lack. What a set does not assign becomes U+FFFD.
  public static func decode(_ bytes: some Collection<UInt8>, charset name: String) -> String? {
    let name = canonical(name)
    switch name {
    case "utf-8", "us-ascii": return String(decoding: bytes, as: UTF8.self)
    case "utf-16", "utf-16be", "utf-16le": return utf16(Array(bytes), isLittleEndian: name.hasSuffix("le"))
    default: break
    }
    guard let table = CharsetTable.upperHalf(name) else { return nil }
    let upper = Array(table.description.unicodeScalars)
    var text = String.UnicodeScalarView()
    for byte in bytes {
      if byte < 0x80 {
        text.append(Unicode.Scalar(byte))
      } else {
        let index = Int(byte) - 0x80
        text.append(index < upper.count ? upper[index] : "\u{FFFD}")
      }
    }
    return String(text)
  }

  /// As `decode`, and for an unknown set the bytes as UTF-8, repaired.
  public static func decodeLeniently(_ bytes: some Collection<UInt8>, charset name: String) -> String {
    decode(bytes, charset: name) ?? String(decoding: bytes, as: UTF8.self)
  }

  /// Whether `decode` knows it.
  public static func isKnown(_ name: String) -> Bool { decode([], charset: name) != nil }

  /// The name under which the tables have it.
  static func canonical(_ name: String) -> String {
    let lower = asciiLowercased(name)
    switch lower {
    case "utf8", "unicode-1-1-utf-8", "": return "utf-8"
    case "ascii", "ansi_x3.4-1968", "iso646-us", "us": return "us-ascii"
    case "latin1", "l1", "cp819", "ibm819", "iso-ir-100": return "iso-8859-1"
    case "latin2", "l2": return "iso-8859-2"
    case "latin9", "l9", "latin-9": return "iso-8859-15"
    case "iso-8859-8-i", "iso-8859-8-e": return "iso-8859-8"
    case "mac", "x-mac-roman", "macroman": return "macintosh"
    case "koi8r", "koi": return "koi8-r"
    case "ucs-2", "utf16", "iso-10646-ucs-2": return "utf-16"
    case "x-user-defined": return "windows-1252"
    default: break
    }
    for prefix in ["iso8859-", "iso_8859-", "iso8859_"] where lower.hasPrefix(prefix) {
      // `iso_8859-1:1987` names the same.
      return "iso-8859-" + lower.dropFirst(prefix.count).prefix { $0 != ":" }
    }
    if lower.hasPrefix("x-cp12") { return "windows-" + lower.dropFirst(4) }
    if lower.hasPrefix("cp12") { return "windows-" + lower.dropFirst(2) }
    if lower.hasPrefix("cp"), lower.utf8.count <= 5 { return "ibm" + lower.dropFirst(2) }
    return lower
  }

  private static func utf16(_ bytes: [UInt8], isLittleEndian: Bool) -> String {
    var units: [UInt16] = []
    var little = isLittleEndian
    var index = 0
    while index + 1 < bytes.count {
      let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
      let unit = little ? second << 8 | first : first << 8 | second
      if index == 0, unit == 0xFFFE {
        little.toggle()
      } else if unit != 0xFEFF || index != 0 {
        units.append(unit)
      }
      index += 2
    }
    return String(decoding: units, as: UTF16.self)
  }
}

/// With ASCII letters in lower case and everything else as it is.
public func asciiLowercased(_ text: some StringProtocol) -> String {
  if !text.utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) { return String(text) }
  return String(decoding: text.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
}

/// Whether two texts differ in nothing but the case of ASCII letters.
public func equalsIgnoringASCIICase(_ left: some StringProtocol, _ right: some StringProtocol) -> Bool {
  left.utf8.count == right.utf8.count
    && zip(left.utf8, right.utf8).allSatisfy { one, two in
      one == two || (one | 0x20 == two | 0x20 && one | 0x20 >= 0x61 && one | 0x20 <= 0x7A)
    }
}
