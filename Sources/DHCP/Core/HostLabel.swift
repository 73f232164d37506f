/// The name of a machine as one label of DNS, from what it calls itself.
public enum HostLabel {
  /// The first label of the name, in small letters; whatever a host name may not have (RFC 1123 §2.1) becomes a hyphen. `nil`
  /// when nothing is left.
  public static func of(_ name: String) -> String? {
    var label: [UInt8] = []
    for byte in name.utf8.prefix(while: { $0 != UInt8(ascii: ".") }) {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): label.append(byte)
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): label.append(byte | 0x20)
      default: if label.last != UInt8(ascii: "-") { label.append(UInt8(ascii: "-")) }
      }
    }
    let bounded = label.drop { $0 == UInt8(ascii: "-") }.prefix(63)
    let end = bounded.lastIndex { $0 != UInt8(ascii: "-") }
    guard let end else { return nil }
    return String(decoding: bounded[...end], as: UTF8.self)
  }
}
