/// The static table of HPACK (RFC 7541 appendix A): entries 1 to 61.
enum HPACKStaticTable {
  static let count = 61

  /// The name of an entry, `nil` outside `1...61`.
  static func name(_ index: Int) -> FieldName? {
    switch index {
    case 1: .pseudoAuthority
    case 2: .pseudoMethod
    case 3: .pseudoMethod
    case 4: .pseudoPath
    case 5: .pseudoPath
    case 6: .pseudoScheme
    case 7: .pseudoScheme
    case 8: .pseudoStatus
    case 9: .pseudoStatus
    case 10: .pseudoStatus
    case 11: .pseudoStatus
    case 12: .pseudoStatus
    case 13: .pseudoStatus
    case 14: .pseudoStatus
    case 15: .acceptCharset
    case 16: .acceptEncoding
    case 17: .acceptLanguage
    case 18: .acceptRanges
    case 19: .accept
    case 20: .accessControlAllowOrigin
    case 21: .age
    case 22: .allow
    case 23: .authorization
    case 24: .cacheControl
    case 25: .contentDisposition
    case 26: .contentEncoding
    case 27: .contentLanguage
    case 28: .contentLength
    case 29: .contentLocation
    case 30: .contentRange
    case 31: .contentType
    case 32: .cookie
    case 33: .date
    case 34: .etag
    case 35: .expect
    case 36: .expires
    case 37: .from
    case 38: .host
    case 39: .ifMatch
    case 40: .ifModifiedSince
    case 41: .ifNoneMatch
    case 42: .ifRange
    case 43: .ifUnmodifiedSince
    case 44: .lastModified
    case 45: .link
    case 46: .location
    case 47: .maxForwards
    case 48: .proxyAuthenticate
    case 49: .proxyAuthorization
    case 50: .range
    case 51: .referer
    case 52: .refresh
    case 53: .retryAfter
    case 54: .server
    case 55: .setCookie
    case 56: .strictTransportSecurity
    case 57: .transferEncoding
    case 58: .userAgent
    case 59: .vary
    case 60: .via
    case 61: .wwwAuthenticate
    default: nil
    }
  }

  /// The value of an entry; empty where the table has none.
  static func value(_ index: Int) -> StaticString {
    switch index {
    case 2: "GET"
    case 3: "POST"
    case 4: "/"
    case 5: "/index.html"
    case 6: "http"
    case 7: "https"
    case 8: "200"
    case 9: "204"
    case 10: "206"
    case 11: "304"
    case 12: "400"
    case 13: "404"
    case 14: "500"
    case 16: "gzip, deflate"
    default: ""
    }
  }

  /// The first entry with this name, or 0.
  static func index(of name: FieldName) -> Int {
    switch name {
    case .pseudoAuthority: 1
    case .pseudoMethod: 2
    case .pseudoPath: 4
    case .pseudoScheme: 6
    case .pseudoStatus: 8
    case .acceptCharset: 15
    case .acceptEncoding: 16
    case .acceptLanguage: 17
    case .acceptRanges: 18
    case .accept: 19
    case .accessControlAllowOrigin: 20
    case .age: 21
    case .allow: 22
    case .authorization: 23
    case .cacheControl: 24
    case .contentDisposition: 25
    case .contentEncoding: 26
    case .contentLanguage: 27
    case .contentLength: 28
    case .contentLocation: 29
    case .contentRange: 30
    case .contentType: 31
    case .cookie: 32
    case .date: 33
    case .etag: 34
    case .expect: 35
    case .expires: 36
    case .from: 37
    case .host: 38
    case .ifMatch: 39
    case .ifModifiedSince: 40
    case .ifNoneMatch: 41
    case .ifRange: 42
    case .ifUnmodifiedSince: 43
    case .lastModified: 44
    case .link: 45
    case .location: 46
    case .maxForwards: 47
    case .proxyAuthenticate: 48
    case .proxyAuthorization: 49
    case .range: 50
    case .referer: 51
    case .refresh: 52
    case .retryAfter: 53
    case .server: 54
    case .setCookie: 55
    case .strictTransportSecurity: 56
    case .transferEncoding: 57
    case .userAgent: 58
    case .vary: 59
    case .via: 60
    case .wwwAuthenticate: 61
    default: 0
    }
  }

  /// The entry that is a whole `:status` field, or 0.
  static func index(ofStatus code: UInt16) -> Int {
    switch code {
    case 200: 8
    case 204: 9
    case 206: 10
    case 304: 11
    case 400: 12
    case 404: 13
    case 500: 14
    default: 0
    }
  }
}
