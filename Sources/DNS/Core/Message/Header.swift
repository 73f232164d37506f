/// The first four octets of a message (RFC 1035 §4.1.1, RFC 4035 §3.1.6 for AD and CD); the counts follow from the sections.
public struct Header: Hashable, Sendable {
  /// Octets of a header on the wire, counts included.
  public static let wireLength = 12

  public var id: UInt16
  public var flags: Flags
  public var opcode: Opcode
  /// The low four bits; a message's EDNS brings the others.
  public var responseCode: ResponseCode

  public init(
    id: UInt16, flags: Flags = [], opcode: Opcode = .query, responseCode: ResponseCode = .noError
  ) {
    self.id = id
    self.flags = flags
    self.opcode = opcode
    self.responseCode = responseCode
  }

  /// The bits of the header's third and fourth octet.
  public struct Flags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// A response.
    public static let response = Flags(rawValue: 0x8000)
    /// AA: the answer is of the zone's own server.
    public static let authoritative = Flags(rawValue: 0x0400)
    /// TC: there is more than fits.
    public static let truncated = Flags(rawValue: 0x0200)
    /// RD.
    public static let recursionDesired = Flags(rawValue: 0x0100)
    /// RA.
    public static let recursionAvailable = Flags(rawValue: 0x0080)
    /// AD: validated.
    public static let authenticData = Flags(rawValue: 0x0020)
    /// CD: not to be validated.
    public static let checkingDisabled = Flags(rawValue: 0x0010)
    static let all: UInt16 = 0x87B0
  }

  init(id: UInt16, bits: UInt16) {
    self.id = id
    flags = Flags(rawValue: bits & Flags.all)
    opcode = Opcode(rawValue: UInt8(bits >> 11 & 15))
    responseCode = ResponseCode(rawValue: bits & 15)
  }

  var bits: UInt16 { flags.rawValue & Flags.all | UInt16(opcode.rawValue) << 11 | responseCode.rawValue & 15 }
}
