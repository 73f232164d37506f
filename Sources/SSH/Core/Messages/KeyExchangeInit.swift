import WireKit

/// SSH_MSG_KEXINIT (RFC 4253 §7.1): what an end can do, best first.
public struct KeyExchangeInit: Sendable, Equatable {
  public var cookie: [UInt8]
  public var keyExchanges: [String]
  public var hostKeys: [String]
  public var ciphersToServer: [String]
  public var ciphersToClient: [String]
  public var macsToServer: [String]
  public var macsToClient: [String]
  public var compressionsToServer: [String]
  public var compressionsToClient: [String]
  public var firstPacketFollows: Bool

  /// Names that a list may have: everybody's are below 40.
  static let maximumNames = 256

  init(cookie: [UInt8], algorithms: AlgorithmPreferences, hostKeys: [String], markers: [String]) {
    self.cookie = cookie
    keyExchanges = algorithms.keyExchanges + markers
    self.hostKeys = hostKeys
    ciphersToServer = algorithms.ciphers
    ciphersToClient = algorithms.ciphers
    macsToServer = algorithms.macs
    macsToClient = algorithms.macs
    compressionsToServer = algorithms.compressions
    compressionsToClient = algorithms.compressions
    firstPacketFollows = false
  }

  /// Decodes a payload, its message number included.
  public init(_ payload: RawSpan) throws(WireError) {
    var reader = WireReader(payload)
    _ = try reader.readUInt8("message number")
    cookie = try reader.readBytes(16, "cookie")
    keyExchanges = try Self.names(&reader, "kex_algorithms")
    hostKeys = try Self.names(&reader, "server_host_key_algorithms")
    ciphersToServer = try Self.names(&reader, "encryption_algorithms")
    ciphersToClient = try Self.names(&reader, "encryption_algorithms")
    macsToServer = try Self.names(&reader, "mac_algorithms")
    macsToClient = try Self.names(&reader, "mac_algorithms")
    compressionsToServer = try Self.names(&reader, "compression_algorithms")
    compressionsToClient = try Self.names(&reader, "compression_algorithms")
    _ = try Self.names(&reader, "languages")
    _ = try Self.names(&reader, "languages")
    firstPacketFollows = try reader.readBool("first_kex_packet_follows")
    try reader.skip(4, "reserved")
  }

  private static func names(_ reader: inout WireReader, _ subject: StaticString) throws(WireError) -> [String] {
    let names = try reader.readNameList(subject)
    guard names.count <= maximumNames else { throw WireError(.tooLong, subject, at: reader.offset) }
    return names
  }

  /// The payload, its message number included: what is sent, and what enters the exchange hash.
  public var payload: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(MessageNumber.keyExchangeInit)
    bytes += cookie
    for list in [
      keyExchanges, hostKeys, ciphersToServer, ciphersToClient, macsToServer, macsToClient, compressionsToServer,
      compressionsToClient, [], [],
    ] { bytes.appendNameList(list) }
    bytes.appendBool(firstPacketFollows)
    bytes.appendInteger(UInt32(0))
    return bytes
  }
}
