/// A number of bytes, as in `35MB` or `1GiB`.
public struct ByteSize: Hashable, Sendable {
  public var bytes: Int64

  public init(bytes: Int64) { self.bytes = max(0, bytes) }

  /// Units by name, largest first, binary before decimal.
  fileprivate static let units: [(name: String, bytes: Int64)] = [
    ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20),
    ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1000), ("B", 1),
  ]
}

extension ByteSize: Comparable {
  public static func < (left: ByteSize, right: ByteSize) -> Bool { left.bytes < right.bytes }
}

extension ByteSize: ConfigurationText {
  public static var typeName: String { "size" }
  public static var form: String { "a size such as \"35MB\" or \"1GiB\"" }

  /// A whole number and a unit: B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (powers of 1024).
  public init(configuration text: String) throws(TextError) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = ASCIIText.number(digits, as: Int64.self) else { throw Self.mismatch(text) }
    let unit = text.dropFirst(digits.count)
    if unit.isEmpty { throw Self.mismatch(text, hint: "add a unit: \"\(text)MB\", \"\(text)kB\" or \"\(text)B\"") }
    guard let known = Self.units.first(where: { $0.name == unit }) else {
      let nearest = Self.units.first {
        $0.name.lowercased() == unit.lowercased() || $0.name.lowercased() == unit.lowercased() + "b"
      }
      throw Self.mismatch(
        text,
        hint: nearest.map { "did you mean \"\(digits)\($0.name)\"?" } ?? "units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB")
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: known.bytes)
    guard !overflow else { throw TextError("\"\(text)\" is more than 64 bits can count") }
    self.bytes = bytes
  }

  /// In the largest unit that gives a whole number.
  public var description: String {
    for unit in Self.units where bytes >= unit.bytes && bytes.isMultiple(of: unit.bytes) {
      return "\(bytes / unit.bytes)\(unit.name)"
    }
    return "0B"
  }
}
