/// A field name that this package knows by number, so that a look-up compares one byte instead of a text.
///
/// The first are those of the HPACK static table (RFC 7541 appendix A), the pseudo-fields of HTTP/2 (RFC 9113 §8.3)
/// among them. `other` is every name beyond this list; its text stands in the message.
public enum FieldName: UInt8, Sendable, CaseIterable {
  case other
  case pseudoAuthority
  case pseudoMethod
  case pseudoPath
  case pseudoScheme
  case pseudoStatus
  case acceptCharset
  case acceptEncoding
  case acceptLanguage
  case acceptRanges
  case accept
  case accessControlAllowOrigin
  case age
  case allow
  case authorization
  case cacheControl
  case contentDisposition
  case contentEncoding
  case contentLanguage
  case contentLength
  case contentLocation
  case contentRange
  case contentType
  case cookie
  case date
  case etag
  case expect
  case expires
  case from
  case host
  case ifMatch
  case ifModifiedSince
  case ifNoneMatch
  case ifRange
  case ifUnmodifiedSince
  case lastModified
  case link
  case location
  case maxForwards
  case proxyAuthenticate
  case proxyAuthorization
  case range
  case referer
  case refresh
  case retryAfter
  case server
  case setCookie
  case strictTransportSecurity
  case transferEncoding
  case userAgent
  case vary
  case via
  case wwwAuthenticate
  case connection
  case keepAlive
  case upgrade
  case te
  case trailer
  case proxyConnection
  case http2Settings
  case origin
  case accessControlRequestMethod
  case accessControlRequestHeaders
  case accessControlAllowMethods
  case accessControlAllowHeaders
  case accessControlAllowCredentials
  case xForwardedFor
  case xForwardedProto
  case xForwardedHost
  case forwarded
  case xContentTypeOptions
  case xFrameOptions
  case contentSecurityPolicy
  case referrerPolicy
  case depth
  case destination
  case overwrite
  case lockToken
  case timeout
  case `if`
  case dav
  case secWebsocketKey
  case secWebsocketVersion
  case secWebsocketProtocol
  case secWebsocketExtensions
  case secWebsocketAccept
  case upgradeInsecureRequests
  case secFetchSite
  case secFetchMode
  case secFetchDest
  case secFetchUser
  case dnt
  case priority
  case altSvc
  case earlyData
  case xRealIp
  case xRequestedWith
  case prefer

  /// The name in lower case, as HTTP/2 sends it; empty for `other`.
  public var text: StaticString {
    switch self {
    case .other: ""
    case .pseudoAuthority: ":authority"
    case .pseudoMethod: ":method"
    case .pseudoPath: ":path"
    case .pseudoScheme: ":scheme"
    case .pseudoStatus: ":status"
    case .acceptCharset: "accept-charset"
    case .acceptEncoding: "accept-encoding"
    case .acceptLanguage: "accept-language"
    case .acceptRanges: "accept-ranges"
    case .accept: "accept"
    case .accessControlAllowOrigin: "access-control-allow-origin"
    case .age: "age"
    case .allow: "allow"
    case .authorization: "authorization"
    case .cacheControl: "cache-control"
    case .contentDisposition: "content-disposition"
    case .contentEncoding: "content-encoding"
    case .contentLanguage: "content-language"
    case .contentLength: "content-length"
    case .contentLocation: "content-location"
    case .contentRange: "content-range"
    case .contentType: "content-type"
    case .cookie: "cookie"
    case .date: "date"
    case .etag: "etag"
    case .expect: "expect"
    case .expires: "expires"
    case .from: "from"
    case .host: "host"
    case .ifMatch: "if-match"
    case .ifModifiedSince: "if-modified-since"
    case .ifNoneMatch: "if-none-match"
    case .ifRange: "if-range"
    case .ifUnmodifiedSince: "if-unmodified-since"
    case .lastModified: "last-modified"
    case .link: "link"
    case .location: "location"
    case .maxForwards: "max-forwards"
    case .proxyAuthenticate: "proxy-authenticate"
    case .proxyAuthorization: "proxy-authorization"
    case .range: "range"
    case .referer: "referer"
    case .refresh: "refresh"
    case .retryAfter: "retry-after"
    case .server: "server"
    case .setCookie: "set-cookie"
    case .strictTransportSecurity: "strict-transport-security"
    case .transferEncoding: "transfer-encoding"
    case .userAgent: "user-agent"
    case .vary: "vary"
    case .via: "via"
    case .wwwAuthenticate: "www-authenticate"
    case .connection: "connection"
    case .keepAlive: "keep-alive"
    case .upgrade: "upgrade"
    case .te: "te"
    case .trailer: "trailer"
    case .proxyConnection: "proxy-connection"
    case .http2Settings: "http2-settings"
    case .origin: "origin"
    case .accessControlRequestMethod: "access-control-request-method"
    case .accessControlRequestHeaders: "access-control-request-headers"
    case .accessControlAllowMethods: "access-control-allow-methods"
    case .accessControlAllowHeaders: "access-control-allow-headers"
    case .accessControlAllowCredentials: "access-control-allow-credentials"
    case .xForwardedFor: "x-forwarded-for"
    case .xForwardedProto: "x-forwarded-proto"
    case .xForwardedHost: "x-forwarded-host"
    case .forwarded: "forwarded"
    case .xContentTypeOptions: "x-content-type-options"
    case .xFrameOptions: "x-frame-options"
    case .contentSecurityPolicy: "content-security-policy"
    case .referrerPolicy: "referrer-policy"
    case .depth: "depth"
    case .destination: "destination"
    case .overwrite: "overwrite"
    case .lockToken: "lock-token"
    case .timeout: "timeout"
    case .`if`: "if"
    case .dav: "dav"
    case .secWebsocketKey: "sec-websocket-key"
    case .secWebsocketVersion: "sec-websocket-version"
    case .secWebsocketProtocol: "sec-websocket-protocol"
    case .secWebsocketExtensions: "sec-websocket-extensions"
    case .secWebsocketAccept: "sec-websocket-accept"
    case .upgradeInsecureRequests: "upgrade-insecure-requests"
    case .secFetchSite: "sec-fetch-site"
    case .secFetchMode: "sec-fetch-mode"
    case .secFetchDest: "sec-fetch-dest"
    case .secFetchUser: "sec-fetch-user"
    case .dnt: "dnt"
    case .priority: "priority"
    case .altSvc: "alt-svc"
    case .earlyData: "early-data"
    case .xRealIp: "x-real-ip"
    case .xRequestedWith: "x-requested-with"
    case .prefer: "prefer"
    }
  }

  /// The name with capitals, as HTTP/1 customarily shows it; empty for `other`.
  public var capitalised: StaticString {
    switch self {
    case .other: ""
    case .pseudoAuthority: ":authority"
    case .pseudoMethod: ":method"
    case .pseudoPath: ":path"
    case .pseudoScheme: ":scheme"
    case .pseudoStatus: ":status"
    case .acceptCharset: "Accept-Charset"
    case .acceptEncoding: "Accept-Encoding"
    case .acceptLanguage: "Accept-Language"
    case .acceptRanges: "Accept-Ranges"
    case .accept: "Accept"
    case .accessControlAllowOrigin: "Access-Control-Allow-Origin"
    case .age: "Age"
    case .allow: "Allow"
    case .authorization: "Authorization"
    case .cacheControl: "Cache-Control"
    case .contentDisposition: "Content-Disposition"
    case .contentEncoding: "Content-Encoding"
    case .contentLanguage: "Content-Language"
    case .contentLength: "Content-Length"
    case .contentLocation: "Content-Location"
    case .contentRange: "Content-Range"
    case .contentType: "Content-Type"
    case .cookie: "Cookie"
    case .date: "Date"
    case .etag: "ETag"
    case .expect: "Expect"
    case .expires: "Expires"
    case .from: "From"
    case .host: "Host"
    case .ifMatch: "If-Match"
    case .ifModifiedSince: "If-Modified-Since"
    case .ifNoneMatch: "If-None-Match"
    case .ifRange: "If-Range"
    case .ifUnmodifiedSince: "If-Unmodified-Since"
    case .lastModified: "Last-Modified"
    case .link: "Link"
    case .location: "Location"
    case .maxForwards: "Max-Forwards"
    case .proxyAuthenticate: "Proxy-Authenticate"
    case .proxyAuthorization: "Proxy-Authorization"
    case .range: "Range"
    case .referer: "Referer"
    case .refresh: "Refresh"
    case .retryAfter: "Retry-After"
    case .server: "Server"
    case .setCookie: "Set-Cookie"
    case .strictTransportSecurity: "Strict-Transport-Security"
    case .transferEncoding: "Transfer-Encoding"
    case .userAgent: "User-Agent"
    case .vary: "Vary"
    case .via: "Via"
    case .wwwAuthenticate: "WWW-Authenticate"
    case .connection: "Connection"
    case .keepAlive: "Keep-Alive"
    case .upgrade: "Upgrade"
    case .te: "TE"
    case .trailer: "Trailer"
    case .proxyConnection: "Proxy-Connection"
    case .http2Settings: "HTTP2-Settings"
    case .origin: "Origin"
    case .accessControlRequestMethod: "Access-Control-Request-Method"
    case .accessControlRequestHeaders: "Access-Control-Request-Headers"
    case .accessControlAllowMethods: "Access-Control-Allow-Methods"
    case .accessControlAllowHeaders: "Access-Control-Allow-Headers"
    case .accessControlAllowCredentials: "Access-Control-Allow-Credentials"
    case .xForwardedFor: "X-Forwarded-For"
    case .xForwardedProto: "X-Forwarded-Proto"
    case .xForwardedHost: "X-Forwarded-Host"
    case .forwarded: "Forwarded"
    case .xContentTypeOptions: "X-Content-Type-Options"
    case .xFrameOptions: "X-Frame-Options"
    case .contentSecurityPolicy: "Content-Security-Policy"
    case .referrerPolicy: "Referrer-Policy"
    case .depth: "Depth"
    case .destination: "Destination"
    case .overwrite: "Overwrite"
    case .lockToken: "Lock-Token"
    case .timeout: "Timeout"
    case .`if`: "If"
    case .dav: "DAV"
    case .secWebsocketKey: "Sec-Websocket-Key"
    case .secWebsocketVersion: "Sec-Websocket-Version"
    case .secWebsocketProtocol: "Sec-Websocket-Protocol"
    case .secWebsocketExtensions: "Sec-Websocket-Extensions"
    case .secWebsocketAccept: "Sec-Websocket-Accept"
    case .upgradeInsecureRequests: "Upgrade-Insecure-Requests"
    case .secFetchSite: "Sec-Fetch-Site"
    case .secFetchMode: "Sec-Fetch-Mode"
    case .secFetchDest: "Sec-Fetch-Dest"
    case .secFetchUser: "Sec-Fetch-User"
    case .dnt: "DNT"
    case .priority: "Priority"
    case .altSvc: "Alt-Svc"
    case .earlyData: "Early-Data"
    case .xRealIp: "X-Real-IP"
    case .xRequestedWith: "X-Requested-With"
    case .prefer: "Prefer"
    }
  }

  /// The known names of this length. The candidates of `FieldName.init(_:)`: at most a handful.
  static func candidates(length: Int, last: UInt8) -> (FieldName, FieldName, FieldName) {
    switch length {
    case 2:
      switch last {
      case UInt8(ascii: "e"): (.te, .other, .other)
      case UInt8(ascii: "f"): (.`if`, .other, .other)
      default: (.other, .other, .other)
      }
    case 3:
      switch last {
      case UInt8(ascii: "a"): (.via, .other, .other)
      case UInt8(ascii: "e"): (.age, .other, .other)
      case UInt8(ascii: "t"): (.dnt, .other, .other)
      case UInt8(ascii: "v"): (.dav, .other, .other)
      default: (.other, .other, .other)
      }
    case 4:
      switch last {
      case UInt8(ascii: "e"): (.date, .other, .other)
      case UInt8(ascii: "g"): (.etag, .other, .other)
      case UInt8(ascii: "k"): (.link, .other, .other)
      case UInt8(ascii: "m"): (.from, .other, .other)
      case UInt8(ascii: "t"): (.host, .other, .other)
      case UInt8(ascii: "y"): (.vary, .other, .other)
      default: (.other, .other, .other)
      }
    case 5:
      switch last {
      case UInt8(ascii: "e"): (.range, .other, .other)
      case UInt8(ascii: "h"): (.pseudoPath, .depth, .other)
      case UInt8(ascii: "w"): (.allow, .other, .other)
      default: (.other, .other, .other)
      }
    case 6:
      switch last {
      case UInt8(ascii: "e"): (.cookie, .other, .other)
      case UInt8(ascii: "n"): (.origin, .other, .other)
      case UInt8(ascii: "r"): (.server, .prefer, .other)
      case UInt8(ascii: "t"): (.accept, .expect, .other)
      default: (.other, .other, .other)
      }
    case 7:
      switch last {
      case UInt8(ascii: "c"): (.altSvc, .other, .other)
      case UInt8(ascii: "d"): (.pseudoMethod, .other, .other)
      case UInt8(ascii: "e"): (.pseudoScheme, .upgrade, .other)
      case UInt8(ascii: "h"): (.refresh, .other, .other)
      case UInt8(ascii: "r"): (.referer, .trailer, .other)
      case UInt8(ascii: "s"): (.pseudoStatus, .expires, .other)
      case UInt8(ascii: "t"): (.timeout, .other, .other)
      default: (.other, .other, .other)
      }
    case 8:
      switch last {
      case UInt8(ascii: "e"): (.ifRange, .other, .other)
      case UInt8(ascii: "h"): (.ifMatch, .other, .other)
      case UInt8(ascii: "n"): (.location, .other, .other)
      case UInt8(ascii: "y"): (.priority, .other, .other)
      default: (.other, .other, .other)
      }
    case 9:
      switch last {
      case UInt8(ascii: "d"): (.forwarded, .other, .other)
      case UInt8(ascii: "e"): (.overwrite, .other, .other)
      case UInt8(ascii: "p"): (.xRealIp, .other, .other)
      default: (.other, .other, .other)
      }
    case 10:
      switch last {
      case UInt8(ascii: "a"): (.earlyData, .other, .other)
      case UInt8(ascii: "e"): (.setCookie, .keepAlive, .other)
      case UInt8(ascii: "n"): (.connection, .lockToken, .other)
      case UInt8(ascii: "t"): (.userAgent, .other, .other)
      case UInt8(ascii: "y"): (.pseudoAuthority, .other, .other)
      default: (.other, .other, .other)
      }
    case 11:
      switch last {
      case UInt8(ascii: "n"): (.destination, .other, .other)
      case UInt8(ascii: "r"): (.retryAfter, .other, .other)
      default: (.other, .other, .other)
      }
    case 12:
      switch last {
      case UInt8(ascii: "e"): (.contentType, .other, .other)
      case UInt8(ascii: "s"): (.maxForwards, .other, .other)
      default: (.other, .other, .other)
      }
    case 13:
      switch last {
      case UInt8(ascii: "d"): (.lastModified, .other, .other)
      case UInt8(ascii: "e"): (.contentRange, .other, .other)
      case UInt8(ascii: "h"): (.ifNoneMatch, .other, .other)
      case UInt8(ascii: "l"): (.cacheControl, .other, .other)
      case UInt8(ascii: "n"): (.authorization, .other, .other)
      case UInt8(ascii: "s"): (.acceptRanges, .other, .other)
      default: (.other, .other, .other)
      }
    case 14:
      switch last {
      case UInt8(ascii: "e"): (.secFetchSite, .secFetchMode, .other)
      case UInt8(ascii: "h"): (.contentLength, .other, .other)
      case UInt8(ascii: "r"): (.secFetchUser, .other, .other)
      case UInt8(ascii: "s"): (.http2Settings, .other, .other)
      case UInt8(ascii: "t"): (.acceptCharset, .secFetchDest, .other)
      default: (.other, .other, .other)
      }
    case 15:
      switch last {
      case UInt8(ascii: "e"): (.acceptLanguage, .other, .other)
      case UInt8(ascii: "g"): (.acceptEncoding, .other, .other)
      case UInt8(ascii: "r"): (.xForwardedFor, .other, .other)
      case UInt8(ascii: "s"): (.xFrameOptions, .other, .other)
      case UInt8(ascii: "y"): (.referrerPolicy, .other, .other)
      default: (.other, .other, .other)
      }
    case 16:
      switch last {
      case UInt8(ascii: "e"): (.contentLanguage, .wwwAuthenticate, .other)
      case UInt8(ascii: "g"): (.contentEncoding, .other, .other)
      case UInt8(ascii: "h"): (.xRequestedWith, .other, .other)
      case UInt8(ascii: "n"): (.contentLocation, .proxyConnection, .other)
      case UInt8(ascii: "t"): (.xForwardedHost, .other, .other)
      default: (.other, .other, .other)
      }
    case 17:
      switch last {
      case UInt8(ascii: "e"): (.ifModifiedSince, .other, .other)
      case UInt8(ascii: "g"): (.transferEncoding, .other, .other)
      case UInt8(ascii: "o"): (.xForwardedProto, .other, .other)
      case UInt8(ascii: "y"): (.secWebsocketKey, .other, .other)
      default: (.other, .other, .other)
      }
    case 18:
      switch last {
      case UInt8(ascii: "e"): (.proxyAuthenticate, .other, .other)
      default: (.other, .other, .other)
      }
    case 19:
      switch last {
      case UInt8(ascii: "e"): (.ifUnmodifiedSince, .other, .other)
      case UInt8(ascii: "n"): (.contentDisposition, .proxyAuthorization, .other)
      default: (.other, .other, .other)
      }
    case 20:
      switch last {
      case UInt8(ascii: "t"): (.secWebsocketAccept, .other, .other)
      default: (.other, .other, .other)
      }
    case 21:
      switch last {
      case UInt8(ascii: "n"): (.secWebsocketVersion, .other, .other)
      default: (.other, .other, .other)
      }
    case 22:
      switch last {
      case UInt8(ascii: "l"): (.secWebsocketProtocol, .other, .other)
      case UInt8(ascii: "s"): (.xContentTypeOptions, .other, .other)
      default: (.other, .other, .other)
      }
    case 23:
      switch last {
      case UInt8(ascii: "y"): (.contentSecurityPolicy, .other, .other)
      default: (.other, .other, .other)
      }
    case 24:
      switch last {
      case UInt8(ascii: "s"): (.secWebsocketExtensions, .other, .other)
      default: (.other, .other, .other)
      }
    case 25:
      switch last {
      case UInt8(ascii: "s"): (.upgradeInsecureRequests, .other, .other)
      case UInt8(ascii: "y"): (.strictTransportSecurity, .other, .other)
      default: (.other, .other, .other)
      }
    case 27:
      switch last {
      case UInt8(ascii: "n"): (.accessControlAllowOrigin, .other, .other)
      default: (.other, .other, .other)
      }
    case 28:
      switch last {
      case UInt8(ascii: "s"): (.accessControlAllowMethods, .accessControlAllowHeaders, .other)
      default: (.other, .other, .other)
      }
    case 29:
      switch last {
      case UInt8(ascii: "d"): (.accessControlRequestMethod, .other, .other)
      default: (.other, .other, .other)
      }
    case 30:
      switch last {
      case UInt8(ascii: "s"): (.accessControlRequestHeaders, .other, .other)
      default: (.other, .other, .other)
      }
    case 32:
      switch last {
      case UInt8(ascii: "s"): (.accessControlAllowCredentials, .other, .other)
      default: (.other, .other, .other)
      }
    default: (.other, .other, .other)
    }
  }
}
