import WireKit

/// What a server session asks the outside.
public enum HTTPDemand: Sendable {
  /// Answer this request, by `HTTPAnswer.reply`.
  case respond(HTTPRequest)
  /// Get the reply that follows an interim one, by `HTTPAnswer.reply`.
  case later(any HTTPLateReply)
  /// Get the next piece of this content, by `HTTPAnswer.piece` or `.broken`.
  case next(any HTTPContentStream, atMost: Int)
  /// Hand these bytes to the other end of a tunnel, by `HTTPAnswer.delivered`; none at the end of the input.
  case deliver([UInt8], any HTTPTunnel)
}

/// What the outside answers.
public enum HTTPAnswer: Sendable {
  case reply(HTTPReply)
  /// A piece of streamed content; empty at its end.
  case piece([UInt8])
  /// A tunnel has taken what it was given.
  case delivered
  /// The source of streamed content failed: the message can't be completed.
  case broken
}

/// What a server session is told about its surroundings when it is made.
public struct HTTPSessionConfiguration: Sendable {
  public var limits: HTTPLimits
  /// Whether the connection is inside TLS.
  public var isSecure: Bool
  /// What ALPN agreed on (RFC 7301): `h2`, `http/1.1`, or nothing.
  public var applicationProtocol: String?
  /// Nanoseconds to add to the monotonic time for the time since 1970: for the `Date` field. `nil` for a server without
  /// a clock, which must not send one (RFC 9110 §6.6.1).
  public var dateOffset: Int64?

  public init(
    limits: HTTPLimits = HTTPLimits(), isSecure: Bool = false, applicationProtocol: String? = nil,
    dateOffset: Int64? = nil
  ) {
    self.limits = limits
    self.isSecure = isSecure
    self.applicationProtocol = applicationProtocol
    self.dateOffset = dateOffset
  }
}
