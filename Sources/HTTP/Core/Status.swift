/// A status code (RFC 9110 §15), 100...599.
public struct Status: Hashable, Sendable {
  public let code: UInt16

  public init(_ code: UInt16) { self.code = code }

  public static var `continue`: Status { Status(100) }
  public static var switchingProtocols: Status { Status(101) }
  public static var earlyHints: Status { Status(103) }
  public static var ok: Status { Status(200) }
  public static var created: Status { Status(201) }
  public static var noContent: Status { Status(204) }
  public static var partialContent: Status { Status(206) }
  public static var movedPermanently: Status { Status(301) }
  public static var found: Status { Status(302) }
  public static var notModified: Status { Status(304) }
  public static var temporaryRedirect: Status { Status(307) }
  public static var permanentRedirect: Status { Status(308) }
  public static var badRequest: Status { Status(400) }
  public static var unauthorized: Status { Status(401) }
  public static var forbidden: Status { Status(403) }
  public static var notFound: Status { Status(404) }
  public static var methodNotAllowed: Status { Status(405) }
  public static var requestTimeout: Status { Status(408) }
  public static var multiStatus: Status { Status(207) }
  public static var conflict: Status { Status(409) }
  public static var locked: Status { Status(423) }
  public static var failedDependency: Status { Status(424) }
  public static var insufficientStorage: Status { Status(507) }
  public static var preconditionFailed: Status { Status(412) }
  public static var seeOther: Status { Status(303) }
  public static var tooManyRequests: Status { Status(429) }
  public static var contentTooLarge: Status { Status(413) }
  public static var unsupportedMediaType: Status { Status(415) }
  public static var uriTooLong: Status { Status(414) }
  public static var rangeNotSatisfiable: Status { Status(416) }
  public static var expectationFailed: Status { Status(417) }
  public static var misdirectedRequest: Status { Status(421) }
  public static var headerFieldsTooLarge: Status { Status(431) }
  public static var internalServerError: Status { Status(500) }
  public static var notImplemented: Status { Status(501) }
  public static var badGateway: Status { Status(502) }
  public static var serviceUnavailable: Status { Status(503) }
  public static var gatewayTimeout: Status { Status(504) }
  public static var versionNotSupported: Status { Status(505) }

  /// 1xx: more replies follow to the same request.
  public var isInformational: Bool { code < 200 }

  /// Whether a reply with this status has no content by definition (RFC 9110 §6.4.1).
  public var forbidsContent: Bool { code < 200 || code == 204 || code == 304 }

  /// The customary reason phrase; empty for codes without one.
  public var reason: StaticString {
    switch code {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 103: "Early Hints"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 205: "Reset Content"
    case 206: "Partial Content"
    case 207: "Multi-Status"
    case 300: "Multiple Choices"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    default: errorReason
    }
  }

  private var errorReason: StaticString {
    switch code {
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 423: "Locked"
    case 424: "Failed Dependency"
    case 426: "Upgrade Required"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: ""
    }
  }
}

/// The protocol version of a message, as far as it changes what a reply may look like.
public enum HTTPVersion: UInt8, Sendable, Comparable, CustomStringConvertible {
  case http10, http11, http2

  public static func < (left: HTTPVersion, right: HTTPVersion) -> Bool { left.rawValue < right.rawValue }

  public var description: String {
    switch self {
    case .http10: "HTTP/1.0"
    case .http11: "HTTP/1.1"
    case .http2: "HTTP/2"
    }
  }
}
