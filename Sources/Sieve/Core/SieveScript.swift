/// A Sieve script, parsed and checked (RFC 5228): commands with their arguments, tests and blocks.
public struct SieveScript: Sendable {
  /// What can't be understood, and where.
  public struct Fault: Error, Sendable, Hashable, CustomStringConvertible {
    public var line: Int
    public var text: String
    public var description: String { "line \(line): \(text)" }
  }

  /// What a script may ask for by `require`.
  public static let capabilities = [
    "fileinto", "reject", "ereject", "envelope", "copy", "imap4flags", "variables", "vacation", "vacation-seconds",
    "relational", "subaddress", "body", "date", "index", "mailbox", "comparator-i;ascii-numeric",
    "comparator-i;octet", "comparator-i;ascii-casemap",
  ]

  /// Bytes of a script at most.
  public static let maximumSize = 128 * 1024

  let commands: [SieveCommand]
  public let required: Set<String>

  /// Parses and checks a script.
  public init(_ text: String) throws(Fault) {
    guard text.utf8.count <= Self.maximumSize else {
      throw Fault(line: 1, text: "longer than \(Self.maximumSize) bytes")
    }
    var parser = SieveParser(try SieveLexer.tokens(of: text))
    commands = try parser.commands(depth: 0)
    guard parser.isAtEnd else { throw Fault(line: parser.line, text: "a closing brace without its opening one") }
    var required: Set<String> = []
    try SieveChecker.check(commands, required: &required)
    self.required = required
  }
}

/// A command with its arguments, and the block that follows, if any (RFC 5228 §8.2).
struct SieveCommand: Sendable {
  var name: String
  var line: Int
  var arguments: SieveArguments
  var tests: [SieveTest]
  var block: [SieveCommand]?
}

/// A test with its arguments, and the tests within it.
struct SieveTest: Sendable {
  var name: String
  var line: Int
  var arguments: SieveArguments
  var tests: [SieveTest]
}

/// Arguments in their order; tags with the value behind them are told apart only by who knows the tag.
struct SieveArguments: Sendable {
  enum Value: Sendable {
    case tag(String)
    case number(Int64)
    case strings([String])
  }

  var values: [Value] = []

  /// Tags that take a value.
  private static let valued: Set<String> = [
    "comparator", "count", "value", "days", "seconds", "subject", "from", "addresses", "handle", "flags", "zone",
    "index", "content",
  ]

  /// Tags without a value.
  var tags: Set<String> {
    var tags: Set<String> = []
    for value in values { if case .tag(let name) = value { tags.insert(name) } }
    return tags
  }

  /// The value behind a tag.
  func value(of tag: String) -> Value? {
    for (index, value) in values.enumerated() {
      guard case .tag(tag) = value, index + 1 < values.count else { continue }
      if case .tag = values[index + 1] { return nil }
      return values[index + 1]
    }
    return nil
  }

  func strings(of tag: String) -> [String]? {
    if case .strings(let strings) = value(of: tag) { strings } else { nil }
  }

  func number(of tag: String) -> Int64? {
    if case .number(let number) = value(of: tag) { number } else { nil }
  }

  /// The arguments that belong to no tag.
  var positional: [Value] {
    var list: [Value] = []
    var isTaken = false
    for value in values {
      if case .tag(let name) = value {
        isTaken = Self.valued.contains(name)
      } else {
        if !isTaken { list.append(value) }
        isTaken = false
      }
    }
    return list
  }

  func strings(at index: Int) -> [String]? {
    let list = positional
    guard index < list.count, case .strings(let strings) = list[index] else { return nil }
    return strings
  }
}
