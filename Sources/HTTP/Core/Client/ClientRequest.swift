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

  public init(
    _ method: Method = .get, isSecure: Bool = false, authority: String, target: String = "/",
    fields: Fields = Fields(), content: [UInt8] = []
  ) {
    self.method = method
    self.isSecure = isSecure
    self.authority = authority
    self.target = target
    self.fields = fields
    self.content = content
  }

  /// Whether it can be written without changing the framing: no white space or control character in its parts.
  var isWritable: Bool {
    method != .other && target.utf8.first.map { $0 == 0x2F || $0 == 0x2A } == true
      && target.utf8.allSatisfy(Characters.isTarget)
      && Authority.parse(Array(authority.utf8).span.bytes) != nil
  }

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
