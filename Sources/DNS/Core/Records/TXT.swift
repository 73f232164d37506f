import WireKit

extension RecordType {
  /// Text (RFC 1035 §3.3.14): `@ TXT "v=spf1 -all"`.
  public static let txt = RecordType(16)
}

extension RecordSchema {
  static let txt = RecordSchema(.txt, "TXT", [.strings])
}

/// Character strings of up to 255 octets each.
public struct TXT: RecordValue, Hashable {
  public static let type = RecordType.txt
  public var strings: [[UInt8]]

  /// Strings longer than 255 octets are split.
  public init(_ strings: [[UInt8]]) {
    self.strings = strings.flatMap { string -> [[UInt8]] in
      stride(from: 0, to: max(1, string.count), by: 255).map { Array(string[$0..<min($0 + 255, string.count)]) }
    }
  }

  /// The strings of a text, split at 255 octets.
  public init(_ text: String) { self.init([Array(text.utf8)]) }

  public init(from reader: inout WireReader) throws(WireError) {
    strings = []
    repeat {
      let length = try reader.readUInt8("TXT string")
      strings.append(try reader.readBytes(Int(length), "TXT string"))
    } while !reader.isAtEnd
  }

  public func encode(into wire: inout [UInt8]) {
    for string in strings {
      wire.append(UInt8(truncatingIfNeeded: string.count))
      wire.append(contentsOf: string)
    }
  }
}
