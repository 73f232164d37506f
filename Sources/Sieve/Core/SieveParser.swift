/// Builds commands from tokens (RFC 5228 §8.2), to a bounded depth.
struct SieveParser {
  private static let maximumDepth = 16

  private let tokens: [(token: SieveLexer.Token, line: Int)]
  private var index = 0

  init(_ tokens: [(token: SieveLexer.Token, line: Int)]) { self.tokens = tokens }

  var isAtEnd: Bool { index >= tokens.count }
  var line: Int { index < tokens.count ? tokens[index].line : tokens.last?.line ?? 1 }
  private var token: SieveLexer.Token? { index < tokens.count ? tokens[index].token : nil }

  private func fault(_ text: String) -> SieveScript.Fault { SieveScript.Fault(line: line, text: text) }

  private mutating func take(_ mark: Character) -> Bool {
    guard token == .mark(mark) else { return false }
    index += 1
    return true
  }

  mutating func commands(depth: Int) throws(SieveScript.Fault) -> [SieveCommand] {
    guard depth <= Self.maximumDepth else { throw fault("blocks within blocks, too deep") }
    var list: [SieveCommand] = []
    while case .identifier(let name) = token {
      let line = line
      index += 1
      let arguments = try arguments()
      let tests = try tests(depth: depth + 1)
      var block: [SieveCommand]?
      if take("{") {
        block = try commands(depth: depth + 1)
        guard take("}") else { throw fault("a block without its end") }
      } else if !take(";") {
        throw fault("a semicolon is missing behind \(name)")
      }
      list.append(SieveCommand(name: name, line: line, arguments: arguments, tests: tests, block: block))
    }
    if !isAtEnd, token != .mark("}") { throw fault("a command was expected") }
    return list
  }

  private mutating func tests(depth: Int) throws(SieveScript.Fault) -> [SieveTest] {
    guard depth <= Self.maximumDepth else { throw fault("tests within tests, too deep") }
    if take("(") {
      var list = [try test(depth: depth)]
      while take(",") { list.append(try test(depth: depth)) }
      guard take(")") else { throw fault("a closing parenthesis is missing") }
      return list
    }
    guard case .identifier = token else { return [] }
    return [try test(depth: depth)]
  }

  private mutating func test(depth: Int) throws(SieveScript.Fault) -> SieveTest {
    guard case .identifier(let name) = token else { throw fault("a test was expected") }
    let line = line
    index += 1
    return SieveTest(name: name, line: line, arguments: try arguments(), tests: try tests(depth: depth + 1))
  }

  private mutating func arguments() throws(SieveScript.Fault) -> SieveArguments {
    var arguments = SieveArguments()
    while let token {
      switch token {
      case .tag(let name): arguments.values.append(.tag(name))
      case .number(let number): arguments.values.append(.number(number))
      case .string(let text): arguments.values.append(.strings([text]))
      case .mark("["):
        index += 1
        arguments.values.append(.strings(try list()))
        continue
      case .identifier, .mark: return arguments
      }
      index += 1
    }
    return arguments
  }

  private mutating func list() throws(SieveScript.Fault) -> [String] {
    var list: [String] = []
    if take("]") { return list }
    repeat {
      guard case .string(let text) = token else { throw fault("a string was expected") }
      list.append(text)
      index += 1
    } while take(",")
    guard take("]") else { throw fault("a closing bracket is missing") }
    return list
  }
}
