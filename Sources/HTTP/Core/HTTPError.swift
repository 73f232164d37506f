/// Why a message was refused: what the peer is told by number, and the diagnosis for the log.
public struct HTTPError: Error, Hashable, Sendable {
  /// The status that answers it, where an answer is still possible.
  public let status: Status
  /// Constant text; never holds what the peer sent.
  public let diagnosis: StaticString

  public init(_ status: Status, _ diagnosis: StaticString) {
    self.status = status
    self.diagnosis = diagnosis
  }

  public static func == (left: HTTPError, right: HTTPError) -> Bool {
    left.status == right.status && left.diagnosis.description == right.diagnosis.description
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(status) }
}

/// What a session tells about itself.
public enum HTTPEvent: Sendable, Hashable {
  /// A request was refused before any handler saw it.
  case refused(HTTPError)
  /// A peer spent more than its budget of frames that cost us work, such as resets; the connection was ended.
  case flood(String)
  /// A connection error of HTTP/2, by us (RFC 9113 §5.4.1): the code and its diagnosis.
  case connectionError(code: UInt32, diagnosis: String)
  /// The peer ended an HTTP/2 connection with GOAWAY.
  case goneAway(code: UInt32)
  /// A time-out ended the connection: `head`, `idle`, `body`, `output`.
  case timedOut(String)
}
