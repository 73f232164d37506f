/// The commands of POP3 (RFC 1939), with the states in which each is legal (§3).
public enum Verb: String, Sendable, Hashable, CaseIterable {
  case user = "USER"
  case pass = "PASS"
  case auth = "AUTH"
  case stls = "STLS"
  case utf8 = "UTF8"
  case capa = "CAPA"
  case lang = "LANG"
  case quit = "QUIT"
  case stat = "STAT"
  case list = "LIST"
  case retr = "RETR"
  case dele = "DELE"
  case noop = "NOOP"
  case rset = "RSET"
  case top = "TOP"
  case uidl = "UIDL"

  /// Where a session can be before it ends.
  public enum State: Sendable, Hashable {
    case authorization
    case transaction
  }

  /// A row of the table.
  public struct Row: Sendable {
    public var states: Set<State>
    /// Whether a secret travels with it, so that it needs TLS or a listener that allows plain text.
    public var isSecret = false
    /// What CAPA says of it (RFC 2449 §5), where it is optional.
    public var capability: String?
  }

  public var row: Row {
    switch self {
    case .user: Row(states: [.authorization], isSecret: true, capability: "USER")
    case .pass: Row(states: [.authorization], isSecret: true)
    case .auth: Row(states: [.authorization], isSecret: true, capability: "SASL")
    case .stls: Row(states: [.authorization], capability: "STLS")
    case .utf8: Row(states: [.authorization], capability: "UTF8 USER")
    case .capa, .quit: Row(states: [.authorization, .transaction])
    case .lang: Row(states: [.authorization, .transaction], capability: "LANG")
    case .stat, .list, .retr, .dele, .noop, .rset: Row(states: [.transaction])
    case .top: Row(states: [.transaction], capability: "TOP")
    case .uidl: Row(states: [.transaction], capability: "UIDL")
    }
  }
}
