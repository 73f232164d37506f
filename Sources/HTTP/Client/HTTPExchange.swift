import HTTPCore

/// A response, and what is known of how it came.
public struct HTTPExchange: Sendable {
  public var response: ResponseHead
  public var content: [UInt8]
  public var timings: Timings
  /// What TLS agreed on; `nil` in plain text.
  public var tls: TLSDetails?

  /// Nanoseconds since the beginning of the connection.
  public struct Timings: Sendable, Hashable {
    public var connected: Int64 = 0
    /// The end of the TLS handshake; 0 without one.
    public var handshake: Int64 = 0
    /// The response's head.
    public var firstByte: Int64 = 0
    public var complete: Int64 = 0
  }

  public struct TLSDetails: Sendable, Hashable {
    /// `TLSv1.2`, `TLSv1.3`
    public var version: String
    public var applicationProtocol: String?
    public var certificate: PeerCertificate?
  }

  /// The server's own certificate.
  public struct PeerCertificate: Sendable, Hashable {
    public var der: [UInt8]
    /// Seconds since 1970.
    public var notValidBefore: Int64
    public var notValidAfter: Int64
    /// In words: subject and names.
    public var summary: String
  }

  /// The content as a text.
  public var text: String { String(decoding: content, as: UTF8.self) }
}

/// Why a request has no response.
public struct HTTPClientError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }

  /// Nothing came for too long.
  public static var timedOut: HTTPClientError { HTTPClientError("timed out") }
  /// The server does not speak the version that was asked for.
  public static var versionRefused: HTTPClientError { HTTPClientError("the server does not speak HTTP/2") }
  /// The content is larger than was allowed.
  public static var contentTooLarge: HTTPClientError { HTTPClientError("content too large") }
}
