import WireKit

/// Where events go: the one way from a service to log, metrics, audit and `portside watch`.
///
/// `emit` never blocks and never fails. A full ring loses its oldest entries, and says how many.
public protocol EventSink: Sendable {
  /// Whether anybody follows this service's conversations; ask it before building an `Event.Kind.conversation`.
  func isWatched(_ service: ServiceName) -> Bool
  /// Takes the event.
  func emit(_ event: Event)
}

/// Something that happened.
///
/// Its values are typed and public by nature: a secret has no representation here.
public struct Event: Sendable, Hashable, Codable {
  public enum Severity: UInt8, Sendable, Hashable, Codable, Comparable, CaseIterable {
    case debug, info, notice, warning, error, critical
    public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
  }

  public enum Kind: Sendable, Hashable, Codable {
    /// For the log.
    case log
    /// For the log and the audit trail: somebody did something, or tried to.
    case audit
    /// For the metrics: one operation of a service, with its result and how long it took.
    case operation(name: String, result: String, nanoseconds: UInt64)
    /// For those who watch: one step of a conversation, secrets masked by the codec that made it.
    case conversation(Direction, wire: String, meaning: String)
  }

  public enum Direction: String, Sendable, Hashable, Codable {
    case received, sent, note
  }

  public enum Value: Sendable, Hashable, Codable {
    case string(String)
    case integer(Int64)
    case bool(Bool)
    case address(IPAddress)
    case endpoint(Endpoint)
    case nanoseconds(Int64)
    case bytes(Int64)
  }

  public struct Field: Sendable, Hashable, Codable {
    public var name: String
    public var value: Value
    public init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  public var time: WallTime
  public var severity: Severity
  public var kind: Kind
  /// Constant text; what differs from case to case stands in `fields`.
  public var message: String
  /// The service it concerns, or `nil` for the program itself.
  public var service: ServiceName?
  public var session: SessionID?
  public var peer: Endpoint?
  public var account: String?
  public var fields: [Field]

  public init(
    time: WallTime, severity: Severity, kind: Kind = .log, message: StaticString, service: ServiceName? = nil,
    session: SessionID? = nil, peer: Endpoint? = nil, account: String? = nil, fields: [Field] = []
  ) {
    self.time = time
    self.severity = severity
    self.kind = kind
    self.message = message.description
    self.service = service
    self.session = session
    self.peer = peer
    self.account = account
    self.fields = fields
  }
}
