import WireKit

extension RecordType {
  /// The start of a zone (RFC 1035 §3.3.13): `@ SOA ns1 hostmaster 1 7200 3600 1209600 3600`.
  public static let soa = RecordType(6)
}

extension RecordSchema {
  static let soa = RecordSchema(
    .soa, "SOA", [.name(.compressible), .name(.compressible), .uint32, .period, .period, .period, .period])
}

/// The start of a zone and the times that its secondaries and caches keep, in seconds.
public struct SOA: RecordValue, Hashable {
  public static let type = RecordType.soa
  /// The primary server's name.
  public var primary: Name
  /// The mailbox of who is responsible, its first dot standing for `@`.
  public var mailbox: Name
  /// Compared by the arithmetic of RFC 1982.
  public var serial: UInt32
  public var refresh: UInt32
  public var retry: UInt32
  public var expire: UInt32
  /// How long a negative answer may be kept (RFC 2308 §4).
  public var minimum: UInt32

  public init(
    primary: Name, mailbox: Name, serial: UInt32, refresh: UInt32, retry: UInt32, expire: UInt32, minimum: UInt32
  ) {
    self.primary = primary
    self.mailbox = mailbox
    self.serial = serial
    self.refresh = refresh
    self.retry = retry
    self.expire = expire
    self.minimum = minimum
  }

  public init(from reader: inout WireReader) throws(WireError) {
    primary = try Name(from: &reader)
    mailbox = try Name(from: &reader)
    serial = try reader.readUInt32("SOA serial")
    refresh = try reader.readUInt32("SOA refresh")
    retry = try reader.readUInt32("SOA retry")
    expire = try reader.readUInt32("SOA expire")
    minimum = try reader.readUInt32("SOA minimum")
  }

  public func encode(into wire: inout [UInt8]) {
    wire.append(contentsOf: primary.wire)
    wire.append(contentsOf: mailbox.wire)
    for number in [serial, refresh, retry, expire, minimum] { wire.appendInteger(number) }
  }
}
