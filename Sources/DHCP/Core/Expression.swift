import WireKit

/// What makes a client a member of a class, over the options of its message:
///
///     option[93] == 0x0007
///     substring(option[vendor-class-identifier], 0, 9) == 'PXEClient' and not option[175].exists
///     relay[1] == 'port 7' or member('phones') or mac == 00:11:22:33:44:55
///
/// Values are bytes: quoted text, `0x` and hexadecimal digits, a MAC address, `option[n]`, `relay[n]` (sub-option of 82), `mac`,
/// `substring(value, start, count)`. An option that is not there is no bytes.
public struct Expression: Sendable, Hashable {
  indirect enum Value: Sendable, Hashable {
    case literal([UInt8])
    case option(UInt8)
    case relay(UInt8)
    case hardwareAddress
    case substring(Value, Int, Int)
  }

  indirect enum Test: Sendable, Hashable {
    case equal(Value, Value)
    case optionExists(UInt8)
    case relayExists(UInt8)
    case member(String)
    case not(Test)
    case and(Test, Test)
    case or(Test, Test)
  }

  let test: Test

  /// Reads an expression.
  public init(_ text: String) throws(OptionValueError) {
    var parser = ExpressionParser(text)
    test = try parser.parse()
  }

  /// Whether the message fits. `classes` are those that it is known to be a member of.
  public func matches(_ message: Message, relay: RelayInformation?, classes: [String]) -> Bool {
    Self.evaluate(test, message, relay, classes)
  }

  private static func evaluate(
    _ test: Test, _ message: Message, _ relay: RelayInformation?, _ classes: [String]
  ) -> Bool {
    switch test {
    case .equal(let left, let right): return bytes(left, message, relay) == bytes(right, message, relay)
    case .optionExists(let code): return message.options[code] != nil
    case .relayExists(let code): return relay?.subOptions[code] != nil
    case .member(let name): return classes.contains(name)
    case .not(let test): return !evaluate(test, message, relay, classes)
    case .and(let left, let right):
      return evaluate(left, message, relay, classes) && evaluate(right, message, relay, classes)
    case .or(let left, let right):
      return evaluate(left, message, relay, classes) || evaluate(right, message, relay, classes)
    }
  }

  private static func bytes(_ value: Value, _ message: Message, _ relay: RelayInformation?) -> [UInt8] {
    switch value {
    case .literal(let bytes): return bytes
    case .option(let code): return message.options[code] ?? []
    case .relay(let code): return relay?.subOptions[code] ?? []
    case .hardwareAddress: return message.hardwareAddress
    case .substring(let value, let start, let count):
      return Array(bytes(value, message, relay).dropFirst(start).prefix(count))
    }
  }
}

/// Recursive descent, bounded in depth.
private struct ExpressionParser {
  private var tokens: [String] = []
  private var position = 0
  private var depth = 0
  private var failure: OptionValueError?

  init(_ text: String) {
    var rest = text[...]
    while let character = rest.first {
      if character.isWhitespace {
        rest.removeFirst()
      } else if character == "'" {
        rest.removeFirst()
        guard let end = rest.firstIndex(of: "'") else {
          failure = OptionValueError("a quotation mark is not closed")
          return
        }
        tokens.append("'" + rest[..<end])
        rest = rest[rest.index(after: end)...]
      } else if rest.hasPrefix("==") || rest.hasPrefix("!=") {
        tokens.append(String(rest.prefix(2)))
        rest.removeFirst(2)
      } else if "()[],.".contains(character) {
        tokens.append(String(character))
        rest.removeFirst()
      } else {
        let word = rest.prefix { $0.isLetter || $0.isNumber || "-:_".contains($0) }
        guard !word.isEmpty else {
          failure = OptionValueError("\(character) has no meaning here")
          return
        }
        tokens.append(String(word))
        rest.removeFirst(word.count)
      }
    }
  }

  mutating func parse() throws(OptionValueError) -> Expression.Test {
    if let failure { throw failure }
    let test = try parseOr()
    guard position == tokens.count else { throw OptionValueError("\(tokens[position]) is too much") }
    return test
  }

  private var next: String? { position < tokens.count ? tokens[position] : nil }

  private mutating func take(_ word: String) -> Bool {
    guard next == word else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ word: String) throws(OptionValueError) {
    guard take(word) else { throw OptionValueError("\(word) is expected, not \(next ?? "the end")") }
  }

  private mutating func word() throws(OptionValueError) -> String {
    guard let word = next else { throw OptionValueError("the expression ends too early") }
    position += 1
    return word
  }

  private mutating func parseOr() throws(OptionValueError) -> Expression.Test {
    depth += 1
    defer { depth -= 1 }
    guard depth < 50 else { throw OptionValueError("nested too deeply") }
    var test = try parseAnd()
    while take("or") { test = .or(test, try parseAnd()) }
    return test
  }

  private mutating func parseAnd() throws(OptionValueError) -> Expression.Test {
    var test = try parseNot()
    while take("and") { test = .and(test, try parseNot()) }
    return test
  }

  private mutating func parseNot() throws(OptionValueError) -> Expression.Test {
    var isNegated = false
    while take("not") { isNegated.toggle() }
    let test = try parseTest()
    return isNegated ? .not(test) : test
  }

  private mutating func parseTest() throws(OptionValueError) -> Expression.Test {
    if take("(") {
      let test = try parseOr()
      try expect(")")
      return test
    }
    if take("member") {
      try expect("(")
      let name = try word()
      guard name.hasPrefix("'") else { throw OptionValueError("member wants a name in quotation marks") }
      try expect(")")
      return .member(String(name.dropFirst()))
    }
    let left = try parseValue()
    if take(".") {
      try expect("exists")
      switch left {
      case .option(let code): return .optionExists(code)
      case .relay(let code): return .relayExists(code)
      default: throw OptionValueError("only option[…] and relay[…] can exist")
      }
    }
    if take("!=") { return .not(.equal(left, try parseValue())) }
    try expect("==")
    return .equal(left, try parseValue())
  }

  private mutating func parseValue() throws(OptionValueError) -> Expression.Value {
    depth += 1
    defer { depth -= 1 }
    guard depth < 50 else { throw OptionValueError("nested too deeply") }
    let word = try word()
    switch word {
    case "mac": return .hardwareAddress
    case "option", "relay":
      try expect("[")
      let name = try self.word()
      try expect("]")
      if word == "relay" {
        guard let code = UInt8(name) else { throw OptionValueError("\(name) is no sub-option's number") }
        return .relay(code)
      }
      guard let code = UInt8(name) ?? OptionDefinition.named(name)?.code else {
        throw OptionValueError("there is no option \(name)")
      }
      return .option(code)
    case "substring":
      try expect("(")
      let value = try parseValue()
      try expect(",")
      let start = try number()
      try expect(",")
      let count = try number()
      try expect(")")
      return .substring(value, start, count)
    default:
      if word.hasPrefix("'") { return .literal(Array(word.dropFirst().utf8)) }
      if word.hasPrefix("0x") || word.contains(":"), let bytes = Hexadecimal.bytes(word) { return .literal(bytes) }
      throw OptionValueError("\(word) is no value")
    }
  }

  private mutating func number() throws(OptionValueError) -> Int {
    let text = try word()
    guard let number = Int(text), (0...65_535).contains(number) else { throw OptionValueError("\(text) is no count") }
    return number
  }
}
