import WireKit

/// A request as a client gives it.
public struct ClientRequest: Sendable {
  public var method: Method
  /// Whether the target is an `https` one; what it says in `:scheme`.
  public var isSecure: Bool
  /// `host` or `host:port`, as it stands in `Host` and `:authority`.
  public var authority: String
  /// Path and query, percent-encoded, beginning with `/`.
  public var target: String
  /// Without `Host`, `Content-Length` and `Connection`: the session writes these.
  public var fields: Fields
  public var content: [UInt8]
  /// How content comes that `content` does not hold: by `ClientCommand.piece`, over HTTP/1 only.
  public var streaming: StreamedContent?
  /// The protocol that the client wants to leave HTTP for, such as `websocket` (RFC 9110 §7.8); over HTTP/1 only.
  public var upgrade: String?

  /// The length of content that comes in pieces.
  public enum StreamedContent: Sendable, Hashable {
    /// Bytes in all; more or fewer break the request.
    case length(Int64)
    /// Known at the end only: sent in chunks (RFC 9112 §7.1).
    case unknown
  }

  public init(
    _ method: Method = .get, isSecure: Bool = false, authority: String, target: String = "/",
    fields: Fields = Fields(), content: [UInt8] = [], streaming: StreamedContent? = nil, upgrade: String? = nil
  ) {
    self.method = method
    self.isSecure = isSecure
    self.authority = authority
    self.target = target
    self.fields = fields
    self.content = content
    self.streaming = streaming
    self.upgrade = upgrade
  }

  /// Whether it can be written without changing the framing: no white space or control character in its parts.
  var isWritable: Bool {
    method != .other && target.utf8.first.map { $0 == 0x2F || $0 == 0x2A } == true
      && target.utf8.allSatisfy(Characters.isTarget)
      && (upgrade.map { $0.utf8.allSatisfy(Characters.isFieldValue) } ?? true)
      && Authority.parse(Array(authority.utf8).span.bytes) != nil
  }

  /// Whether it asks for what only HTTP/1 has here.
  var needsHTTP1: Bool { streaming != nil || upgrade != nil }

  /// Whether the request says how long its content is, even if there is none.
  var announcesLength: Bool {
    switch method {
    case .post, .put, .patch: true
    default: !content.isEmpty
    }
  }
}

/// A response's head (RFC 9110 §3.4).
public struct ResponseHead: Sendable {
  public var version: HTTPVersion
  public var status: Status
  public var fields: Fields
}

/// What a client session asks the outside.
public enum ClientDemand: Sendable {
  /// The next request, under this ticket.
  case next
}

/// What the outside answers.
public enum ClientCommand: Sendable {
  case perform(ClientRequest)
  /// A piece of the content of the request with this ticket; in a tunnel, bytes as they are. An empty one is the end.
  case piece([UInt8])
  /// No more requests: end the connection once all answers are here.
  case finish
}

/// What a client session tells.
public enum ClientEvent: Sendable {
  /// The head of the response to the request with this ticket; an interim one (1xx) may precede the final one. Its
  /// content follows as `.body` and `.bodyEnd` with the same ticket.
  case head(ResponseHead, Ticket)
  /// There will be no (complete) response to the request with this ticket.
  case failed(Ticket, diagnosis: String)
  /// The connection is of no more use.
  case connectionFailed(diagnosis: String)
}
