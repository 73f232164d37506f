/// What a responder says about itself, and how large its replies get.
public struct ResponderSettings: Sendable {
  /// Most octets of a UDP reply, whatever the client takes (RFC 9715); at least 512.
  public var udpLimit: Int = Int(EDNS.safeUDPSize)
  /// The answer to NSID (RFC 5001); empty for none.
  public var identifier: [UInt8] = []
  /// The answer to `version.bind` and `version.server` in class CH; `nil` refuses.
  public var version: String?
  /// The answer to `hostname.bind` and `id.server` in class CH (RFC 4892); `nil` refuses.
  public var hostname: String?
  /// Makes the server's part of cookies (RFC 9018); `nil` leaves cookies unanswered.
  public var cookies: ServerCookies?
  /// Whether a UDP client that sends a cookie must show one of ours: BADCOOKIE gives it to it (RFC 7873 §5.2.3). Those that know
  /// no cookies are answered as ever.
  public var requiresCookies = false
  /// Aliases that one answer follows.
  public var aliasLimit = 16

  public init() {}
}

/// What a request came over; it decides how large the reply may be and what TC is for.
public enum DNSTransport: Hashable, Sendable {
  case udp
  /// TCP, TLS, HTTPS: replies of up to 65,535 octets.
  case stream
}

/// How a request ended, for counters.
public struct ResponderResult: Hashable, Sendable, BitwiseCopyable {
  public var responseCode: UInt8
  public var isTruncated: Bool
  public var type: UInt16
  /// Whether the client wants recursion (RD), and the answer leads out of our zones: the name lies in none of them, or an
  /// alias of ours points outside.
  public var leadsOutside: Bool
  /// Whether it is more than a question: a transfer, NOTIFY, an update, or signed. The reply at hand says that there is no
  /// such thing.
  public var isTransaction = false
  /// The same for answers that are alike: of one set, or that a name of one zone does not exist.
  public var likeness: UInt32 = 0
  /// Whether the client has shown that its address is its own: by a cookie of ours (RFC 7873 §5.2.4).
  public var hasServerCookie = false
}
