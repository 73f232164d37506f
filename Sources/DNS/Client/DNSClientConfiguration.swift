import DNSCore

/// How a client asks.
public struct DNSClientConfiguration: Sendable {
  public enum Transport: Hashable, Sendable {
    /// UDP, and TCP when the answer is truncated (RFC 7766 §5).
    case automatic
    case udp
    case tcp
  }

  public var transport = Transport.automatic
  /// For each attempt.
  public var timeout = Duration.seconds(3)
  /// Attempts over UDP.
  public var attempts = 3
  /// Whether the server shall go and ask others.
  public var recursionDesired = true
  /// CD: the answer shall come also when the server finds that its signatures are wrong (RFC 6840 §5.9).
  public var checkingDisabled = false
  /// `nil` asks without EDNS.
  public var edns: EDNS? = EDNS()

  public init() {}
}

/// Why there is no answer.
public enum DNSClientError: Error, Hashable, Sendable {
  /// No reply came in time, or none that belongs to the question.
  case timeout
  /// No connection, or the server refused it.
  case unreachable(String)
  /// The server closed the connection before its answer was complete.
  case connectionClosed
}

extension DNSClientError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .timeout: "no reply in time"
    case .unreachable(let reason): "the server can't be reached: \(reason)"
    case .connectionClosed: "the server closed the connection before it answered"
    }
  }
}
