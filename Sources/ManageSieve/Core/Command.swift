import SASLCore

/// One command of ManageSieve, with its arguments (RFC 5804 §2).
///
/// ```
/// C: PUTSCRIPT "holiday" {31+}
/// C: #comment
/// C: InvalidSieveCommand
/// ```
public enum Command: Sendable, Equatable {
  /// The initial response is decoded.
  case authenticate(mechanism: String, initial: [UInt8]?)
  case startTLS, logout, capability, listScripts
  case haveSpace(name: String, size: Int)
  case putScript(name: String, [UInt8])
  case checkScript([UInt8])
  /// An empty name: no script is to be active.
  case setActive(name: String)
  case getScript(name: String)
  case deleteScript(name: String)
  case renameScript(from: String, to: String)
  case noop(tag: [UInt8]?)

  /// Why a line is no command.
  public enum Fault: Error, Sendable, Hashable {
    case unknown
    /// The beginning of another protocol (ALPACA).
    case foreign
    /// The command is known, its arguments are not right.
    case syntax(Verb)
  }

  /// A word, or a string, as they stand in a line.
  public enum Argument: Sendable, Hashable {
    case word([UInt8])
    case string([UInt8])
  }

  public init(_ parts: [Argument]) throws(Fault) {
    guard case .word(let bytes)? = parts.first else { throw .unknown }
    let word = String(decoding: bytes, as: UTF8.self).uppercased()
    guard let verb = Verb(rawValue: word) else { throw Self.foreign.contains(word) ? .foreign : .unknown }
    self = try Self.command(verb, Array(parts.dropFirst()))
  }

  private static let foreign: Set<String> = [
    "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI", "EHLO", "HELO",
  ]

  public var verb: Verb {
    switch self {
    case .authenticate: .authenticate
    case .startTLS: .startTLS
    case .logout: .logout
    case .capability: .capability
    case .listScripts: .listScripts
    case .haveSpace: .haveSpace
    case .putScript: .putScript
    case .checkScript: .checkScript
    case .setActive: .setActive
    case .getScript: .getScript
    case .deleteScript: .deleteScript
    case .renameScript: .renameScript
    case .noop: .noop
    }
  }

  private static func command(_ verb: Verb, _ arguments: [Argument]) throws(Fault) -> Command {
    switch verb {
    case .authenticate:
      guard (1...2).contains(arguments.count), case .string(let name) = arguments[0] else { throw .syntax(verb) }
      var initial: [UInt8]?
      if arguments.count == 2 {
        guard case .string(let text) = arguments[1], let decoded = Base64.decode(text) else { throw .syntax(verb) }
        initial = decoded
      }
      return .authenticate(mechanism: String(decoding: name, as: UTF8.self), initial: initial)
    case .startTLS, .logout, .capability, .listScripts:
      guard arguments.isEmpty else { throw .syntax(verb) }
      return plain(verb)
    case .noop:
      guard let first = arguments.first else { return .noop(tag: nil) }
      guard arguments.count == 1, case .string(let tag) = first else { throw .syntax(verb) }
      return .noop(tag: tag)
    case .haveSpace:
      guard arguments.count == 2, case .word(let digits) = arguments[1], digits.count <= 10,
        let size = Int(String(decoding: digits, as: UTF8.self)), size >= 0
      else { throw .syntax(verb) }
      return .haveSpace(name: try name(arguments, 0, verb), size: size)
    case .putScript:
      guard arguments.count == 2, case .string(let content) = arguments[1] else { throw .syntax(verb) }
      return .putScript(name: try name(arguments, 0, verb), content)
    case .checkScript:
      guard arguments.count == 1, case .string(let content) = arguments[0] else { throw .syntax(verb) }
      return .checkScript(content)
    case .setActive:
      if arguments.count == 1, case .string(let name) = arguments[0], name.isEmpty { return .setActive(name: "") }
      return .setActive(name: try onlyName(arguments, verb))
    case .getScript: return .getScript(name: try onlyName(arguments, verb))
    case .deleteScript: return .deleteScript(name: try onlyName(arguments, verb))
    case .renameScript:
      guard arguments.count == 2 else { throw .syntax(verb) }
      return .renameScript(from: try name(arguments, 0, verb), to: try name(arguments, 1, verb))
    }
  }

  private static func plain(_ verb: Verb) -> Command {
    switch verb {
    case .startTLS: .startTLS
    case .logout: .logout
    case .listScripts: .listScripts
    default: .capability
    }
  }

  private static func onlyName(_ arguments: [Argument], _ verb: Verb) throws(Fault) -> String {
    guard arguments.count == 1 else { throw .syntax(verb) }
    return try name(arguments, 0, verb)
  }

  /// A script's name (RFC 5804 §1.6): 1 to 128 characters, none of them a control character.
  private static func name(_ arguments: [Argument], _ index: Int, _ verb: Verb) throws(Fault) -> String {
    guard case .string(let bytes) = arguments[index], (1...512).contains(bytes.count),
      let name = String(validating: bytes, as: UTF8.self), name.count <= 128,
      name.unicodeScalars.allSatisfy({
        $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && !(0x2028...0x2029).contains($0.value)
      })
    else { throw .syntax(verb) }
    return name
  }
}

/// The commands, with the states in which each is legal (RFC 5804 §2).
public enum Verb: String, Sendable, Hashable, CaseIterable {
  case authenticate = "AUTHENTICATE"
  case startTLS = "STARTTLS"
  case logout = "LOGOUT"
  case capability = "CAPABILITY"
  case listScripts = "LISTSCRIPTS"
  case haveSpace = "HAVESPACE"
  case putScript = "PUTSCRIPT"
  case checkScript = "CHECKSCRIPT"
  case setActive = "SETACTIVE"
  case getScript = "GETSCRIPT"
  case deleteScript = "DELETESCRIPT"
  case renameScript = "RENAMESCRIPT"
  case noop = "NOOP"

  public enum State: Sendable, Hashable {
    case stranger
    case loggedIn
  }

  public var states: Set<State> {
    switch self {
    case .authenticate, .startTLS: [.stranger]
    case .logout, .capability, .noop: [.stranger, .loggedIn]
    default: [.loggedIn]
    }
  }
}
