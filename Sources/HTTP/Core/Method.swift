import WireKit

/// A request method (RFC 9110 §9; WebDAV's from RFC 4918 and its extensions). Case-sensitive.
public enum Method: UInt8, Sendable, CaseIterable {
  /// A token that is none of the others; the text stands in the request.
  case other
  case get, head, post, put, delete, connect, options, trace
  case patch, propfind, proppatch, mkcol, copy, move, lock, unlock, report, search, acl

  /// The method's name; empty for `other`.
  public var text: StaticString {
    switch self {
    case .other: ""
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .connect: "CONNECT"
    case .options: "OPTIONS"
    case .trace: "TRACE"
    case .patch: "PATCH"
    case .propfind: "PROPFIND"
    case .proppatch: "PROPPATCH"
    case .mkcol: "MKCOL"
    case .copy: "COPY"
    case .move: "MOVE"
    case .lock: "LOCK"
    case .unlock: "UNLOCK"
    case .report: "REPORT"
    case .search: "SEARCH"
    case .acl: "ACL"
    }
  }

  /// The method with exactly this name, or `other`.
  init(_ token: RawSpan) {
    let candidate: Method
    switch (token.byteCount, token.byte(at: 0) ?? 0) {
    case (3, 0x47): candidate = .get
    case (4, 0x48): candidate = .head
    case (4, 0x50): candidate = .post
    case (3, 0x50): candidate = .put
    case (6, 0x44): candidate = .delete
    case (7, 0x43): candidate = .connect
    case (7, 0x4F): candidate = .options
    case (5, 0x54): candidate = .trace
    case (5, 0x50): candidate = .patch
    case (8, 0x50): candidate = .propfind
    case (9, 0x50): candidate = .proppatch
    case (5, 0x4D): candidate = .mkcol
    case (4, 0x43): candidate = .copy
    case (4, 0x4D): candidate = .move
    case (4, 0x4C): candidate = .lock
    case (6, 0x55): candidate = .unlock
    case (6, 0x52): candidate = .report
    case (6, 0x53): candidate = .search
    case (3, 0x41): candidate = .acl
    default: candidate = .other
    }
    self = token.isEqual(to: candidate.text) ? candidate : .other
  }

  /// Whether the method only reads (RFC 9110 §9.2.1).
  public var isSafe: Bool {
    switch self {
    case .get, .head, .options, .trace, .propfind, .report, .search: true
    default: false
    }
  }
}
