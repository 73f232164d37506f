import WireKit

/// The OPT record (RFC 6891): what a message says about its sender.
public struct EDNS: Hashable, Sendable {
  /// Octets of the largest UDP message that the sender takes.
  public var udpSize: UInt16
  /// The high eight bits of the response code.
  public var extendedResponseCode: UInt8
  /// 0; others are answered with BADVERS.
  public var version: UInt8
  /// DO: the sender wants DNSSEC records (RFC 3225).
  public var wantsDNSSEC: Bool
  public var options: [EDNSOption]

  /// The size that fits everywhere without fragments (DNS flag day 2020; RFC 9715).
  public static let safeUDPSize: UInt16 = 1232

  public init(
    udpSize: UInt16 = EDNS.safeUDPSize, extendedResponseCode: UInt8 = 0, version: UInt8 = 0, wantsDNSSEC: Bool = false,
    options: [EDNSOption] = []
  ) {
    self.udpSize = udpSize
    self.extendedResponseCode = extendedResponseCode
    self.version = version
    self.wantsDNSSEC = wantsDNSSEC
    self.options = options
  }

  /// The meaning of an OPT record's class, TTL and data (RFC 6891 §6.1.3).
  init(size: UInt16, ttl: UInt32, options data: RawSpan) throws(WireError) {
    udpSize = size
    extendedResponseCode = UInt8(ttl >> 24)
    version = UInt8(ttl >> 16 & 255)
    wantsDNSSEC = ttl & 0x8000 != 0
    options = []
    var reader = WireReader(data)
    while !reader.isAtEnd {
      let code = try reader.readUInt16("OPTION-CODE")
      let length = try reader.readUInt16("OPTION-LENGTH")
      options.append(EDNSOption(code: code, data: try reader.readBytes(Int(length), "OPTION-DATA")))
    }
  }

  func encode(into bytes: inout [UInt8]) {
    bytes.append(0)
    bytes.appendInteger(RecordType.opt.rawValue)
    bytes.appendInteger(udpSize)
    bytes.append(extendedResponseCode)
    bytes.append(version)
    bytes.appendInteger(UInt16(wantsDNSSEC ? 0x8000 : 0))
    let place = bytes.count
    bytes.appendInteger(UInt16(0))
    for option in options {
      bytes.appendInteger(option.code)
      bytes.appendInteger(UInt16(truncatingIfNeeded: option.data.count))
      bytes.append(contentsOf: option.data)
    }
    bytes.setInteger(UInt16(truncatingIfNeeded: bytes.count - place - 2), at: place)
  }
}
