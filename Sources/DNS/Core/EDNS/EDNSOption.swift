/// An option of the OPT record (RFC 6891 §6.1.2).
public struct EDNSOption: Hashable, Sendable {
  /// The number that IANA gave it.
  public var code: UInt16
  public var data: [UInt8]

  public init(code: UInt16, data: [UInt8] = []) {
    self.code = code
    self.data = data
  }

  /// The server's identifier (RFC 5001); empty in a question.
  public static let nsid: UInt16 = 3
  /// The client's network (RFC 7871).
  public static let clientSubnet: UInt16 = 8
  /// DNS cookies (RFC 7873).
  public static let cookie: UInt16 = 10
  /// How long a TCP connection stays open, in tenths of a second (RFC 7828).
  public static let keepAlive: UInt16 = 11
  /// Padding (RFC 7830).
  public static let padding: UInt16 = 12
  /// Why an answer is what it is (RFC 8914).
  public static let extendedError: UInt16 = 15
}
