/// The codes of an ERROR packet (RFC 1350 appendix, RFC 2347). A struct, as a peer may send any number.
public struct ErrorCode: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let notDefined = ErrorCode(rawValue: 0)
  public static let fileNotFound = ErrorCode(rawValue: 1)
  public static let accessViolation = ErrorCode(rawValue: 2)
  public static let diskFull = ErrorCode(rawValue: 3)
  public static let illegalOperation = ErrorCode(rawValue: 4)
  public static let unknownTransferID = ErrorCode(rawValue: 5)
  public static let fileAlreadyExists = ErrorCode(rawValue: 6)
  public static let noSuchUser = ErrorCode(rawValue: 7)
  /// The options do not suit the client. EDK2 ends its question for `tsize` this way: no trouble at all.
  public static let optionsRefused = ErrorCode(rawValue: 8)

  /// The words of RFC 1350, for when the sender of an error has no better ones.
  public var description: String {
    switch rawValue {
    case 0: "Not defined"
    case 1: "File not found"
    case 2: "Access violation"
    case 3: "Disk full or allocation exceeded"
    case 4: "Illegal TFTP operation"
    case 5: "Unknown transfer ID"
    case 6: "File already exists"
    case 7: "No such user"
    case 8: "Options refused"
    default: "Error \(rawValue)"
    }
  }
}

/// Why a transfer ended before its time, and what the peer is to be told.
public struct TransferFailure: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Origin: Sendable, Hashable {
    /// We gave up or refused; an ERROR packet goes out.
    case local
    /// The peer sent an ERROR packet; nothing goes out.
    case peer
    /// The peer fell silent; nothing goes out.
    case silence
  }

  public var origin: Origin
  public var code: ErrorCode
  public var message: String

  public init(_ origin: Origin, _ code: ErrorCode, _ message: String? = nil) {
    self.origin = origin
    self.code = code
    self.message = message ?? code.description
  }

  /// A refusal of ours.
  public init(_ code: ErrorCode, _ message: String? = nil) { self.init(.local, code, message) }

  public var description: String {
    switch origin {
    case .local: message
    case .peer: "the peer said: \(message) (\(code.rawValue))"
    case .silence: message
    }
  }
}
