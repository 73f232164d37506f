import WireKit

/// A part of a message's octets.
struct TextRange: Hashable, Sendable {
  var start: UInt32
  var count: UInt32

  static let empty = TextRange(start: 0, count: 0)

  /// `bounds` lie within a head, whose length `Limits` keeps far below 4 GB.
  init(_ bounds: Range<Int>) {
    start = UInt32(clamping: bounds.lowerBound)
    count = UInt32(clamping: bounds.count)
  }

  init(start: UInt32, count: UInt32) {
    self.start = start
    self.count = count
  }

  var bounds: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// The fields of a message head or trailer section (RFC 9110 §5), in the order in which they came.
///
/// All names and values stand in one run of octets; an entry is two places in it. Looking a field up costs no
/// allocation, texts are made when somebody asks for one. What is appended can't break the framing: CR, LF and NUL in
/// a value become spaces (RFC 9110 §5.5).
public struct Fields: Sendable {
  struct Entry: Sendable {
    var known: FieldName
    var name: TextRange
    var value: TextRange
  }

  /// Names and values; in a request head also its start line.
  var bytes: [UInt8]
  var entries: [Entry]

  public init() {
    bytes = []
    entries = []
  }

  init(bytes: [UInt8], entries: [Entry]) {
    self.bytes = bytes
    self.entries = entries
  }

  /// How many fields there are.
  public var count: Int { entries.count }
  public var isEmpty: Bool { entries.isEmpty }

  /// Whether there is such a field.
  public func contains(_ name: FieldName) -> Bool { entries.contains { $0.known == name } }

  /// Whether there is a field with any of these names.
  public func contains(anyOf names: FieldNameSet) -> Bool { entries.contains { names.contains($0.known) } }

  /// How many fields have this name.
  public func count(of name: FieldName) -> Int { entries.reduce(0) { $0 + ($1.known == name ? 1 : 0) } }

  /// The value of the first field with this name.
  public subscript(_ name: FieldName) -> String? {
    guard let entry = entries.first(where: { $0.known == name }) else { return nil }
    return text(entry.value)
  }

  /// The value of the first field with this name, in any case; for names that are no `FieldName`.
  public subscript(_ name: String) -> String? {
    let wanted = name.lowercased()
    let span = bytes.span.bytes
    for entry in entries where span.extracting(entry.name.bounds).isEqualIgnoringCase(to: wanted) {
      return text(entry.value)
    }
    return nil
  }

  /// All values of this name in their order.
  public func values(_ name: FieldName) -> [String] {
    entries.filter { $0.known == name }.map { text($0.value) }
  }

  /// All values of this name as one list, joined by commas (RFC 9110 §5.3); `nil` when there is none.
  public func combined(_ name: FieldName) -> String? {
    let all = values(name)
    return all.isEmpty ? nil : all.joined(separator: ", ")
  }

  /// Lends the octets of the first value with this name.
  public func withValue<Result>(_ name: FieldName, _ body: (RawSpan) -> Result) -> Result? {
    for entry in entries where entry.known == name { return body(bytes.span.bytes.extracting(entry.value.bounds)) }
    return nil
  }

  /// Whether a list-valued field has this member, without regard to case. `token` is in lower case.
  public func lists(_ name: FieldName, _ token: StaticString) -> Bool {
    for entry in entries where entry.known == name {
      var members = ListReader(bytes.span.bytes.extracting(entry.value.bounds))
      while let member = members.next() {
        if members.bytes.extracting(member).isEqualIgnoringCase(to: token) { return true }
      }
    }
    return false
  }

  /// The name of the field at `index`, as it came. `index` must be below `count`.
  public func name(at index: Int) -> String { text(entries[index].name) }

  /// The number of the name at `index`.
  public func knownName(at index: Int) -> FieldName { entries[index].known }

  /// The value of the field at `index`, which must be below `count`.
  public func value(at index: Int) -> String { text(entries[index].value) }

  private func text(_ range: TextRange) -> String { bytes.span.bytes.extracting(range.bounds).text }

  // MARK: Building

  /// Adds a field.
  public mutating func append(_ name: FieldName, _ value: some StringProtocol) {
    append(name, octets: value.utf8)
  }

  /// Adds a field with a constant value.
  public mutating func append(_ name: FieldName, _ value: StaticString) {
    value.withUTF8Buffer { append(name, octets: $0) }
  }

  /// Adds a field with these octets as its value.
  public mutating func append(_ name: FieldName, octets: some Sequence<UInt8>) {
    let start = bytes.count
    bytes.append(name.capitalised)
    appendValue(octets, name: name, from: start)
  }

  /// Adds a field of any name. A name that is no token (RFC 9110 §5.1) is refused: nothing is added.
  public mutating func append(_ name: String, _ value: some StringProtocol) {
    guard !name.isEmpty, name.utf8.allSatisfy(Characters.isToken) else { return }
    let start = bytes.count
    bytes.append(contentsOf: name.utf8)
    let known = FieldName(bytes.span.bytes.extracting(start..<bytes.count))
    appendValue(value.utf8, name: known, from: start)
  }

  /// Takes out all fields with this name.
  public mutating func remove(_ name: FieldName) { entries.removeAll { $0.known == name } }

  /// Takes out all fields with this name, in any case; for names that are no `FieldName`.
  public mutating func remove(named name: String) {
    let wanted = name.lowercased()
    var kept: [Entry] = []
    for entry in entries {
      let isMeant = bytes.span.bytes.extracting(entry.name.bounds).isEqualIgnoringCase(to: wanted)
      if !isMeant { kept.append(entry) }
    }
    entries = kept
  }

  /// Replaces all fields with this name by one.
  public mutating func set(_ name: FieldName, _ value: some StringProtocol) {
    remove(name)
    append(name, value)
  }

  private mutating func appendValue(_ octets: some Sequence<UInt8>, name: FieldName, from start: Int) {
    let middle = bytes.count
    for byte in octets { bytes.append(Characters.isFieldValue(byte) ? byte : 0x20) }
    entries.append(
      Entry(known: name, name: TextRange(start..<middle), value: TextRange(middle..<bytes.count)))
  }
}

/// Reads the members of a comma-separated list (RFC 9110 §5.6.1); empty members are passed over, commas within a quoted
/// string divide nothing.
struct ListReader: ~Escapable {
  let bytes: RawSpan
  private var index = 0

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) { self.bytes = bytes }

  /// The bounds of the next member without white space around it.
  mutating func next() -> Range<Int>? {
    while index < bytes.byteCount {
      let start = index
      var quoted = false
      while index < bytes.byteCount {
        let byte = bytes[index]
        if quoted, byte == 0x5C { index += 1 } else if byte == 0x22 { quoted.toggle() }
        if byte == 0x2C, !quoted { break }
        index += 1
      }
      let end = min(index, bytes.byteCount)
      index = end + 1
      let member = bytes.trimmed(start..<end)
      if !member.isEmpty { return member }
    }
    return nil
  }
}

/// A set of known field names.
public struct FieldNameSet: Sendable, Hashable {
  private var bits: UInt128 = 0

  public init(_ names: FieldName...) {
    for name in names where name.rawValue < 128 { bits |= 1 << UInt128(name.rawValue) }
  }

  @inline(__always)
  public func contains(_ name: FieldName) -> Bool { bits >> UInt128(name.rawValue) & 1 == 1 }
}
