import WireKit

/// A DHCP or BOOTP message (RFC 2131 §2, RFC 951).
public struct Message: Sendable, Hashable {
  /// BOOTREQUEST or BOOTREPLY.
  public enum Operation: UInt8, Sendable, Hashable {
    case request = 1
    case reply = 2
  }

  public var operation: Operation
  /// The kind of hardware address (1 is Ethernet).
  public var hardwareType: UInt8 = 1
  /// 0...16 octets.
  public var hardwareAddress: [UInt8] = []
  public var hops: UInt8 = 0
  /// The transaction's number, which the client chose.
  public var transaction: UInt32 = 0
  /// Seconds since the client began.
  public var seconds: UInt16 = 0
  /// The first bit asks for answers by broadcast.
  public var flags: UInt16 = 0
  /// The client's address, when it has one and answers to it (`ciaddr`).
  public var clientAddress = IPAddress(v4: 0)
  /// The address that the client gets (`yiaddr`).
  public var yourAddress = IPAddress(v4: 0)
  /// The server of the next boot step (`siaddr`).
  public var nextServer = IPAddress(v4: 0)
  /// The relay that passed the message on (`giaddr`).
  public var relayAddress = IPAddress(v4: 0)
  /// The `sname` field as text, when it holds no options; up to 63 octets.
  public var serverName: [UInt8] = []
  /// The `file` field as text, when it holds no options; up to 127 octets.
  public var bootFile: [UInt8] = []
  public var options = Options()

  public init(_ operation: Operation) { self.operation = operation }

  public static let broadcastFlag: UInt16 = 0x8000
  /// The client cannot take unicast before it has its address.
  public var wantsBroadcast: Bool { flags & Self.broadcastFlag != 0 }

  /// What the message is; `nil` for BOOTP, and for numbers that we do not know.
  public var type: MessageType? {
    guard let bytes = options[.messageType], bytes.count == 1 else { return nil }
    return MessageType(rawValue: bytes[0])
  }

  /// Whether it is BOOTP: no message type at all.
  public var isBOOTP: Bool { options[.messageType] == nil }

  /// An option that holds one IPv4 address.
  public func address(_ code: OptionCode) -> IPAddress? {
    guard let bytes = options[code], bytes.count == 4 else { return nil }
    return IPAddress(octets: bytes)
  }

  /// An option's text, up to the NUL that some clients end it with.
  public func text(_ code: OptionCode) -> String? {
    guard let bytes = options[code] else { return nil }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
