/// Comparison of strings as Sieve has it (RFC 5228 §2.7, RFC 5231).
struct SieveMatcher {
  enum Kind {
    case `is`, contains, matches
    /// With a relation: `gt`, `ge`, `lt`, `le`, `eq`, `ne`.
    case count(String)
    case value(String)
  }

  enum Comparator { case octet, casemap, numeric }

  var kind = Kind.is
  var comparator = Comparator.casemap

  init(_ arguments: SieveArguments) {
    let tags = arguments.tags
    if tags.contains("contains") { kind = .contains }
    if tags.contains("matches") { kind = .matches }
    if let relation = arguments.strings(of: "count")?.first { kind = .count(relation.lowercased()) }
    if let relation = arguments.strings(of: "value")?.first { kind = .value(relation.lowercased()) }
    switch arguments.strings(of: "comparator")?.first {
    case "i;octet": comparator = .octet
    case "i;ascii-numeric": comparator = .numeric
    default: comparator = .casemap
    }
  }

  /// Whether any value matches any key; with what the wildcards stood for.
  func matches(_ values: [String], _ keys: [String]) -> (isMatch: Bool, captures: [String]?) {
    if case .count(let relation) = kind {
      let count = String(values.count)
      return (keys.contains { Self.relate(Self.compareNumeric(count, $0), relation) }, nil)
    }
    for value in values {
      for key in keys {
        switch kind {
        case .is: if compare(value, key) == 0 { return (true, nil) }
        case .contains: if Self.contains(fold(value), fold(key)) { return (true, nil) }
        case .matches: if let captures = glob(value, key) { return (true, captures) }
        case .value(let relation): if Self.relate(compare(value, key), relation) { return (true, nil) }
        case .count: break
        }
      }
    }
    return (false, nil)
  }

  private func fold(_ text: String) -> [UInt8] {
    comparator == .octet
      ? Array(text.utf8) : text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
  }

  private func compare(_ left: String, _ right: String) -> Int {
    if comparator == .numeric { return Self.compareNumeric(left, right) }
    let (one, two) = (fold(left), fold(right))
    return one == two ? 0 : one.lexicographicallyPrecedes(two) ? -1 : 1
  }

  /// RFC 4790 §9.1: what begins with no digit is greater than every number.
  private static func compareNumeric(_ left: String, _ right: String) -> Int {
    let (one, two) = (digits(left), digits(right))
    switch (one, two) {
    case (nil, nil): return 0
    case (nil, _): return 1
    case (_, nil): return -1
    case (let one?, let two?):
      if one.count != two.count { return one.count < two.count ? -1 : 1 }
      return one == two ? 0 : one < two ? -1 : 1
    }
  }

  private static func digits(_ text: String) -> String? {
    let digits = text.prefix { $0.isASCII && $0.isWholeNumber }
    guard !digits.isEmpty else { return nil }
    let significant = digits.drop { $0 == "0" }
    return significant.isEmpty ? "0" : String(significant.prefix(64))
  }

  private static func relate(_ order: Int, _ relation: String) -> Bool {
    switch relation {
    case "gt": order > 0
    case "ge": order >= 0
    case "lt": order < 0
    case "le": order <= 0
    case "eq": order == 0
    case "ne": order != 0
    default: false
    }
  }

  private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
    if part.isEmpty { return true }
    guard part.count <= text.count else { return false }
    return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
  }

  /// `*` and `?`, each `*` as short as it can be; what the wildcards stood for, the whole first. Bounded by the product of
  /// both lengths.
  private func glob(_ text: String, _ pattern: String) -> [String]? {
    let original = Array(text.unicodeScalars)
    let folded = comparator == .octet ? original : original.map { Self.lower($0) }
    var parts: [(scalar: Unicode.Scalar, isWild: Bool)] = []
    var isEscaped = false
    for scalar in pattern.unicodeScalars.prefix(1024) {
      if isEscaped {
        parts.append((Self.lower(scalar, if: comparator != .octet), false))
        isEscaped = false
      } else if scalar == "\\" {
        isEscaped = true
      } else if scalar == "*" || scalar == "?" {
        parts.append((scalar, true))
      } else {
        parts.append((Self.lower(scalar, if: comparator != .octet), false))
      }
    }
    var starts = [Int](repeating: 0, count: parts.count + 1)
    var (position, part) = (0, 0)
    var star: (part: Int, position: Int)?
    while position < folded.count || part < parts.count {
      if part < parts.count {
        starts[part] = position
        if parts[part].isWild, parts[part].scalar == "*" {
          star = (part, position)
          part += 1
          continue
        }
        if position < folded.count, parts[part].isWild || parts[part].scalar == folded[position] {
          part += 1
          position += 1
          continue
        }
      }
      guard let last = star, last.position < folded.count else { return nil }
      star = (last.part, last.position + 1)
      (part, position) = (last.part + 1, last.position + 1)
    }
    starts[parts.count] = folded.count
    var captures = [text]
    for index in parts.indices where parts[index].isWild {
      captures.append(String(String.UnicodeScalarView(original[starts[index]..<max(starts[index], starts[index + 1])])))
    }
    return captures
  }

  private static func lower(_ scalar: Unicode.Scalar, if wanted: Bool = true) -> Unicode.Scalar {
    wanted && ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar
  }
}
