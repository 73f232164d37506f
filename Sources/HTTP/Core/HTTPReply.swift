import WireKit

/// Content that the driver sends without the session touching its bytes: an open file, a run of memory. Who drives the
/// session knows what it really is.
public protocol HTTPContent: AnyObject, Sendable {}

/// Content that is made while it is sent: from another server, a compressor, a program.
///
/// The session asks for the next piece only when the earlier ones have left, so a slow reader slows the source.
public protocol HTTPContentStream: AnyObject, Sendable {
  /// The next piece, of at most `limit` bytes; empty at the end. Throwing ends the message as broken.
  func next(atMost limit: Int) async throws -> [UInt8]
}

/// Both directions of a connection that has left HTTP (RFC 9110 §7.8): WebSocket through a proxy.
///
/// The content of a reply with status 101; what `next` gives goes out as it is.
public protocol HTTPTunnel: HTTPContentStream {
  /// Takes what the client sent; empty once it sends nothing more. The session reads on when this returns.
  func take(_ bytes: [UInt8]) async
}

/// A piece of content that consists of several.
public enum ContentSegment: Sendable {
  case bytes([UInt8])
  /// A part of a file or the like, in bytes.
  case content(any HTTPContent, Range<Int64>)

  var count: Int64 {
    switch self {
    case .bytes(let bytes): Int64(bytes.count)
    case .content(_, let range): Int64(range.count)
    }
  }
}

/// The reply that follows an interim one.
public protocol HTTPLateReply: AnyObject, Sendable {
  /// Waits for it; another interim one may come first. Asked once.
  func reply() async -> HTTPReply
}

/// What a reply carries.
public enum ReplyContent: Sendable {
  case none
  case bytes([UInt8])
  case content(any HTTPContent, Range<Int64>)
  case segments([ContentSegment])
  /// Piece by piece. Where the length is given, the stream keeps to it, and throws when it can't.
  case stream(any HTTPContentStream, length: Int64? = nil)

  /// Bytes in all; `nil` when nobody knows yet.
  public var count: Int64? {
    switch self {
    case .none: 0
    case .bytes(let bytes): Int64(bytes.count)
    case .content(_, let range): Int64(range.count)
    case .segments(let segments): segments.reduce(0) { $0 + $1.count }
    case .stream(_, let length): length
    }
  }
}

/// The answer to a request, the same for every version of HTTP.
///
/// Give the content that a GET would get also in answer to HEAD: the session takes the length from it and leaves the
/// bytes away. `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the session's; it ignores them here.
public struct HTTPReply: Sendable {
  public var status: Status
  /// Fields that were laid out before, such as those of a cached file; written before `fields`.
  public var prepared: PreparedFields?
  public var fields: Fields
  public var content: ReplyContent
  /// Ends the connection after this reply (HTTP/1) or refuses further requests on it (HTTP/2).
  public var endsConnection: Bool
  /// Whether what is left of the request's content is still wanted after this reply; otherwise it is thrown away. For those
  /// who have detached the request's body and read it on.
  public var readsOn = false
  /// The reply that follows an interim one (1xx, RFC 9110 §15.2); `nil` with a final one.
  public var later: (any HTTPLateReply)?

  public init(
    _ status: Status, prepared: PreparedFields? = nil, fields: Fields = Fields(), content: ReplyContent = .none,
    endsConnection: Bool = false
  ) {
    self.status = status
    self.prepared = prepared
    self.fields = fields
    self.content = content
    self.endsConnection = endsConnection
  }
}

extension FieldName {
  /// Whether the field is the session's own business in a reply, or has no place there (RFC 9113 §8.2.2).
  var belongsToSession: Bool {
    switch self {
    case .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .upgrade, .date: true
    case .pseudoAuthority, .pseudoMethod, .pseudoPath, .pseudoScheme, .pseudoStatus: true
    default: false
    }
  }
}

/// Reply fields in the wire form of both HTTP/1 and HTTP/2, made once and sent often.
public final class PreparedFields: Sendable {
  public let fields: Fields
  /// `Name: value CRLF` for each.
  let http1: [UInt8]
  /// Literals without indexing (RFC 7541 §6.2.2): they change no state of the connection.
  let hpack: [UInt8]

  public init(_ fields: Fields) {
    self.fields = fields
    var http1: [UInt8] = []
    var hpack: [UInt8] = []
    http1.append(fields: fields)
    HPACKEncoder.append(fields: fields, to: &hpack)
    self.http1 = http1
    self.hpack = hpack
  }
}

extension [UInt8] {
  /// Appends fields in the form of HTTP/1, without those that are the session's.
  mutating func append(fields: Fields) {
    let source = fields.bytes.span.bytes
    for entry in fields.entries where !entry.known.belongsToSession {
      append(source.extracting(entry.name.bounds))
      append(": ")
      append(source.extracting(entry.value.bounds))
      append("\r\n")
    }
  }
}
