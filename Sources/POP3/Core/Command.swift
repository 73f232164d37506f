import SASLCore

/// One command line, without its line end.
///
/// ```
/// C: TOP 1 10
/// C: AUTH PLAIN AGFubgBzZWNyZXQ=
/// ```
public enum Command: Sendable, Equatable {
  case user(String)
  case pass(SASLSecret)
  /// The initial response is decoded; empty for `=` (RFC 5034 §4). Without a name: a list of mechanisms is wanted.
  case auth(mechanism: String?, initial: [UInt8]?)
  case stls, utf8, capa, quit, stat, noop, rset
  case lang(String?)
  case list(Int?)
  case uidl(Int?)
  case retr(Int)
  case dele(Int)
  case top(Int, lines: Int)

  /// Why a line is no command.
  public enum Fault: Error, Sendable, Hashable {
    case unknown
    /// The beginning of another protocol: a browser was led here (ALPACA).
    case foreign
    /// The command is known, its arguments are not right.
    case syntax(Verb)
  }

  public init(_ line: [UInt8]) throws(Fault) {
    let words = line.split(separator: 0x20, maxSplits: 1, omittingEmptySubsequences: false)
    let word = String(decoding: words[0], as: UTF8.self)
    guard let verb = Verb(rawValue: word.uppercased()) else { throw Self.isForeign(line, word) ? .foreign : .unknown }
    let rest = words.count > 1 ? Array(words[1]) : []
    self = try Self.command(verb, rest)
  }

  public var verb: Verb {
    switch self {
    case .user: .user
    case .pass: .pass
    case .auth: .auth
    case .stls: .stls
    case .utf8: .utf8
    case .capa: .capa
    case .quit: .quit
    case .stat: .stat
    case .noop: .noop
    case .rset: .rset
    case .lang: .lang
    case .list: .list
    case .uidl: .uidl
    case .retr: .retr
    case .dele: .dele
    case .top: .top
    }
  }

  private static func command(_ verb: Verb, _ rest: [UInt8]) throws(Fault) -> Command {
    let arguments = rest.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
    func none(_ command: Command) throws(Fault) -> Command {
      guard arguments.isEmpty else { throw .syntax(verb) }
      return command
    }
    func numbers(_ count: ClosedRange<Int>) throws(Fault) -> [Int] {
      guard count.contains(arguments.count) else { throw .syntax(verb) }
      var result: [Int] = []
      for text in arguments {
        guard text.utf8.count <= 9, let number = Int(text), number >= 0, text.first != "+" else { throw .syntax(verb) }
        result.append(number)
      }
      return result
    }
    switch verb {
    case .user:
      // A name may have spaces in it; a NUL has no business anywhere.
      guard !rest.isEmpty, !rest.contains(0), let name = String(validating: rest, as: UTF8.self) else {
        throw .syntax(verb)
      }
      return .user(name)
    case .pass:
      guard !rest.isEmpty, !rest.contains(0) else { throw .syntax(verb) }
      return .pass(SASLSecret(rest))
    case .auth: return try authentication(arguments)
    case .stls: return try none(.stls)
    case .utf8: return try none(.utf8)
    case .capa: return try none(.capa)
    case .quit: return try none(.quit)
    case .stat: return try none(.stat)
    case .noop: return try none(.noop)
    case .rset: return try none(.rset)
    case .lang:
      guard arguments.count <= 1 else { throw .syntax(verb) }
      return .lang(arguments.first)
    case .list: return .list(try numbers(0...1).first)
    case .uidl: return .uidl(try numbers(0...1).first)
    case .retr: return .retr(try numbers(1...1)[0])
    case .dele: return .dele(try numbers(1...1)[0])
    case .top:
      let both = try numbers(2...2)
      return .top(both[0], lines: both[1])
    }
  }

  private static func authentication(_ arguments: [String]) throws(Fault) -> Command {
    guard arguments.count <= 2 else { throw .syntax(.auth) }
    guard let mechanism = arguments.first else { return .auth(mechanism: nil, initial: nil) }
    guard arguments.count == 2 else { return .auth(mechanism: mechanism, initial: nil) }
    if arguments[1] == "=" { return .auth(mechanism: mechanism, initial: []) }
    guard let initial = Base64.decode(Array(arguments[1].utf8)) else { throw .syntax(.auth) }
    return .auth(mechanism: mechanism, initial: initial)
  }

  /// The first line of HTTP or of TLS, which nobody types by mistake.
  private static func isForeign(_ line: [UInt8], _ word: String) -> Bool {
    if line.first == 0x16 { return true }
    let methods = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI"]
    return methods.contains(word) || String(decoding: line, as: UTF8.self).contains(" HTTP/")
  }
}
