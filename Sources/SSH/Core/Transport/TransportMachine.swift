import Compression
import WireKit

/// The transport layer of one end (RFC 4253): identification, key exchange, packets. Sessions feed it and build their
/// messages on it.
struct TransportMachine {
  let role: Role
  let limits: SSHLimits
  let algorithms: AlgorithmPreferences
  /// The keys that a server proves itself by; empty for a client.
  let hostKeys: [PrivateKey]
  /// For a server: certificates of its keys.
  let hostCertificates: [KeyCertificate]

  var reader: PacketReader
  var writer = PacketWriter()
  let ownIdentification: [UInt8]
  var peerIdentification: [UInt8] = []
  /// The hash of the first exchange, for ever (RFC 4253 §7.2); empty until then.
  var sessionID: [UInt8] = []
  /// The exchange under way.
  var exchange: Exchange?
  /// Both ends agreed on strict key exchange (OpenSSH's PROTOCOL §1.10) in the first one.
  var isStrict = false
  /// The client said `ext-info-c` (RFC 8308 §2.1).
  var peerTakesExtensions = false
  /// The host key of the first exchange, in wire form.
  var hostKeyBlob: [UInt8] = []
  /// Names of what was agreed on, for events.
  var summary: NegotiatedAlgorithms?
  /// Whether compression that was agreed on may be in use.
  private var hasLoggedIn = false
  /// Messages that wait for new keys.
  private var held: [[UInt8]] = []
  private(set) var lastExchange: MonotonicTime?

  init(
    role: Role, limits: SSHLimits, algorithms: AlgorithmPreferences, hostKeys: [PrivateKey],
    hostCertificates: [KeyCertificate] = [], software: String
  ) {
    self.hostCertificates = hostCertificates
    self.role = role
    self.limits = limits
    self.algorithms = algorithms
    self.hostKeys = hostKeys
    reader = PacketReader(maximumPacket: limits.maximumPacket)
    ownIdentification = Array("SSH-2.0-\(software)".utf8)
  }

  /// Whether messages of the upper layers may leave now: not from our KEXINIT to our NEWKEYS (RFC 4253 §7.1).
  var canSend: Bool {
    guard let exchange else { return !sessionID.isEmpty }
    return exchange.hasSentNewKeys
  }

  /// Where the peer stands, as far as the transport decides; `upper` is what the session says otherwise.
  func phase(_ upper: Phase) -> Phase {
    guard let exchange else { return sessionID.isEmpty ? .firstExchange : upper }
    guard exchange.isRekey else { return .firstExchange }
    return exchange.peerInit == nil ? upper : .exchange
  }

  /// Begins: the identification, and the first KEXINIT right behind it.
  mutating func open(into output: inout [UInt8]) throws {
    output += ownIdentification
    output += [0x0D, 0x0A]
    try startExchange(into: &output)
  }

  /// Sends a message, or keeps it until there are new keys.
  mutating func send(into output: inout [UInt8], _ body: (inout [UInt8]) -> Void) throws {
    guard canSend else {
      guard held.count < limits.maximumHeldMessages else {
        throw SSHError(.protocolError, "the peer does not answer a key exchange")
      }
      var payload: [UInt8] = []
      body(&payload)
      held.append(payload)
      return
    }
    try writer.write(into: &output, body)
  }

  /// Sends a message at once: those of the transport itself.
  mutating func sendNow(into output: inout [UInt8], _ body: (inout [UInt8]) -> Void) throws {
    try writer.write(into: &output, body)
  }

  /// What waited for new keys leaves.
  mutating func releaseHeld(into output: inout [UInt8]) throws {
    let waiting = held
    held.removeAll()
    for payload in waiting { try writer.write(into: &output) { $0 += payload } }
  }

  /// Somebody has logged in: from the next packet on, in both directions, what was agreed on is compressed, and again from
  /// the beginning with each set of keys.
  mutating func beginCompression() throws {
    hasLoggedIn = true
    try renewDeflater()
    try renewInflater()
  }

  mutating func renewDeflater() throws {
    let isWanted = (role == .server ? summary?.compressesToClient : summary?.compressesToServer) ?? false
    writer.deflater = isWanted && hasLoggedIn ? try Deflater(.zlib) : nil
  }

  mutating func renewInflater() throws {
    let isWanted = (role == .server ? summary?.compressesToServer : summary?.compressesToClient) ?? false
    reader.inflater = isWanted && hasLoggedIn ? try Inflater(.zlib) : nil
  }

  /// Notes when the present keys came into use.
  mutating func noteExchange(at now: MonotonicTime) { lastExchange = now }

  /// Whether the present keys have done enough.
  func needsRekey(now: MonotonicTime) -> Bool {
    guard exchange == nil, !sessionID.isEmpty else { return false }
    if reader.bytes >= limits.rekeyBytes || writer.bytes >= limits.rekeyBytes { return true }
    if reader.packets >= limits.rekeyPackets || writer.packets >= limits.rekeyPackets { return true }
    guard let lastExchange else { return false }
    return now - lastExchange >= limits.rekeyInterval
  }
}
