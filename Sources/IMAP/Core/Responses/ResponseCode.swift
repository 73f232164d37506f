/// What stands in brackets in a status response, so that programs need not read its text (RFC 9051 §7.1).
public struct ResponseCode: Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ text: String) { description = text }

  public static let alreadyExists = ResponseCode("ALREADYEXISTS")
  public static let authenticationFailed = ResponseCode("AUTHENTICATIONFAILED")
  public static let authorizationFailed = ResponseCode("AUTHORIZATIONFAILED")
  public static let badCharset = ResponseCode("BADCHARSET (US-ASCII UTF-8)")
  public static let badEvent = ResponseCode("BADEVENT")
  public static let badURL = ResponseCode("BADURL")
  public static let cannot = ResponseCode("CANNOT")
  public static let clientBug = ResponseCode("CLIENTBUG")
  public static let closed = ResponseCode("CLOSED")
  public static let compressionActive = ResponseCode("COMPRESSIONACTIVE")
  public static let contactAdmin = ResponseCode("CONTACTADMIN")
  public static let expungeIssued = ResponseCode("EXPUNGEISSUED")
  public static let hasChildren = ResponseCode("HASCHILDREN")
  public static let inUse = ResponseCode("INUSE")
  public static let limit = ResponseCode("LIMIT")
  public static let nonexistent = ResponseCode("NONEXISTENT")
  public static let noPermission = ResponseCode("NOPERM")
  public static let notSaved = ResponseCode("NOTSAVED")
  public static let overQuota = ResponseCode("OVERQUOTA")
  public static let privacyRequired = ResponseCode("PRIVACYREQUIRED")
  public static let readOnly = ResponseCode("READ-ONLY")
  public static let readWrite = ResponseCode("READ-WRITE")
  public static let serverBug = ResponseCode("SERVERBUG")
  public static let tooBig = ResponseCode("TOOBIG")
  public static let tryCreate = ResponseCode("TRYCREATE")
  public static let unavailable = ResponseCode("UNAVAILABLE")
  public static let unknownCTE = ResponseCode("UNKNOWN-CTE")
  public static let useAttribute = ResponseCode("USEATTR")
}

/// How a command ended.
public struct Completion: Hashable, Sendable {
  public enum Status: String, Hashable, Sendable {
    case ok = "OK"
    case no = "NO"
    case bad = "BAD"
  }

  public var status: Status
  public var code: ResponseCode?
  public var text: String

  public init(_ status: Status, _ code: ResponseCode? = nil, _ text: String) {
    self.status = status
    self.code = code
    self.text = text
  }

  public static func ok(_ text: String, _ code: ResponseCode? = nil) -> Completion { Completion(.ok, code, text) }
  public static func no(_ text: String, _ code: ResponseCode? = nil) -> Completion { Completion(.no, code, text) }
  public static func bad(_ text: String, _ code: ResponseCode? = nil) -> Completion { Completion(.bad, code, text) }

  /// `OK [READ-WRITE] SELECT completed` and the line's end.
  public func write(to output: inout [UInt8]) {
    output.append(contentsOf: status.rawValue.utf8)
    output.append(UInt8(ascii: " "))
    if let code {
      output.append(UInt8(ascii: "["))
      output.append(contentsOf: code.description.utf8)
      output.append(contentsOf: "] ".utf8)
    }
    output.append(contentsOf: text.utf8)
    output.appendLineEnd()
  }
}
