/// How an answer ended (RFC 1035 §4.1.1, RFC 6895 §2.3). Codes above 15 need EDNS.
public struct ResponseCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let noError = ResponseCode(rawValue: 0)
  public static let formErr = ResponseCode(rawValue: 1)
  public static let servFail = ResponseCode(rawValue: 2)
  public static let nxDomain = ResponseCode(rawValue: 3)
  public static let notImp = ResponseCode(rawValue: 4)
  public static let refused = ResponseCode(rawValue: 5)
  public static let yxDomain = ResponseCode(rawValue: 6)
  public static let yxRRSet = ResponseCode(rawValue: 7)
  public static let nxRRSet = ResponseCode(rawValue: 8)
  public static let notAuth = ResponseCode(rawValue: 9)
  public static let notZone = ResponseCode(rawValue: 10)
  public static let badVers = ResponseCode(rawValue: 16)
  public static let badCookie = ResponseCode(rawValue: 23)
}

extension ResponseCode: CustomStringConvertible {
  /// The mnemonic, or `RCODE1234`.
  public var description: String {
    switch rawValue {
    case 0: "NOERROR"
    case 1: "FORMERR"
    case 2: "SERVFAIL"
    case 3: "NXDOMAIN"
    case 4: "NOTIMP"
    case 5: "REFUSED"
    case 6: "YXDOMAIN"
    case 7: "YXRRSET"
    case 8: "NXRRSET"
    case 9: "NOTAUTH"
    case 10: "NOTZONE"
    case 16: "BADVERS"
    case 23: "BADCOOKIE"
    default: "RCODE\(rawValue)"
    }
  }
}
