/// The reasons of SSH_MSG_DISCONNECT (RFC 4253 §11.1).
public struct DisconnectReason: Hashable, Sendable, CustomStringConvertible {
  public let number: UInt32
  public init(_ number: UInt32) { self.number = number }

  public static let hostNotAllowed = DisconnectReason(1)
  public static let protocolError = DisconnectReason(2)
  public static let keyExchangeFailed = DisconnectReason(3)
  public static let macError = DisconnectReason(5)
  public static let compressionError = DisconnectReason(6)
  public static let serviceNotAvailable = DisconnectReason(7)
  public static let versionNotSupported = DisconnectReason(8)
  public static let hostKeyNotVerifiable = DisconnectReason(9)
  public static let connectionLost = DisconnectReason(10)
  public static let byApplication = DisconnectReason(11)
  public static let tooManyConnections = DisconnectReason(12)
  public static let noMoreAuthMethods = DisconnectReason(14)
  public static let illegalUserName = DisconnectReason(15)

  public var description: String { "reason \(number)" }
}
