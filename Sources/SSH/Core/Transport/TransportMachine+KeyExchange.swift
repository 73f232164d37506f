import WireKit

extension TransportMachine {
  /// One exchange of keys, from the first KEXINIT to the last NEWKEYS.
  struct Exchange {
    let ownInit: KeyExchangeInit
    /// The payload that enters the hash.
    let ownPayload: [UInt8]
    /// Whether keys are in use already.
    let isRekey: Bool
    var peerInit: KeyExchangeInit?
    var peerPayload: [UInt8] = []
    var negotiated: NegotiatedAlgorithms?
    /// The peer guessed wrong: its next packet does not count (RFC 4253 §7).
    var ignoresNext = false
    /// The client's half.
    var method: (any KeyExchangeMethod)?
    /// What the peer's NEWKEYS will bring into use.
    var opener: (any PacketOpener)?
    var hasSentNewKeys = false
    /// A client that waits for its user to judge the host key.
    var unverified: UnverifiedExchange?
  }

  /// What a client keeps while somebody judges the host key.
  struct UnverifiedExchange {
    var hash: [UInt8]
    var secret: SharedSecretForm
    /// The key or the certificate, as it travelled.
    var blob: [UInt8]
  }

  /// What a message of the exchange led to.
  enum ExchangeProgress {
    case goesOn
    /// A client has to judge this host key, by its certificate where the server sent one; `acceptHostKey` goes on.
    case hostKeyOffered(PublicKey, KeyCertificate?)
    /// The peer uses the new keys; `isFirst` tells the first exchange from later ones.
    case finished(isFirst: Bool)
  }

  private static var strictMarkers: (client: String, server: String) {
    ("kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com")
  }

  mutating func startExchange(into output: inout [UInt8]) throws {
    guard exchange == nil else { return }
    let isRekey = !sessionID.isEmpty
    var markers: [String] = []
    if !isRekey {
      markers =
        role == .server ? ["ext-info-s", Self.strictMarkers.server] : ["ext-info-c", Self.strictMarkers.client]
    }
    let offered = role == .server ? hostKeys.flatMap(offeredAlgorithms) : algorithms.hostKeys
    let own = KeyExchangeInit(cookie: .random(16), algorithms: algorithms, hostKeys: offered, markers: markers)
    let payload = own.payload
    exchange = Exchange(ownInit: own, ownPayload: payload, isRekey: isRekey)
    try sendNow(into: &output) { $0 += payload }
  }

  /// Takes a message of numbers 20 to 49. The table of legal messages has been asked before.
  mutating func receiveExchange(_ payload: RawSpan, into output: inout [UInt8]) throws -> ExchangeProgress {
    guard let number = payload.byte(at: 0) else { throw SSHError(.protocolError, "an empty message") }
    if number != 20, exchange?.ignoresNext == true {
      exchange?.ignoresNext = false
      return .goesOn
    }
    switch MessageNumber(number) {
    case .keyExchangeInit: try receiveInit(payload, into: &output)
    case .ecdhInit: try respond(payload, into: &output)
    case .ecdhReply:
      let (key, certificate) = try receiveReply(payload)
      return .hostKeyOffered(key, certificate)
    case .newKeys: return .finished(isFirst: try receiveNewKeys(payload))
    default: throw SSHError(.protocolError, "a message that no key exchange of ours has")
    }
    return .goesOn
  }

  private mutating func receiveInit(_ payload: RawSpan, into output: inout [UInt8]) throws {
    guard exchange?.peerInit == nil else { throw SSHError(.protocolError, "KEXINIT within an exchange") }
    let peer = try KeyExchangeInit(payload)
    let isFirst = sessionID.isEmpty
    if isFirst {
      let markers = Self.strictMarkers
      isStrict = peer.keyExchanges.contains(role == .server ? markers.client : markers.server)
      peerTakesExtensions = peer.keyExchanges.contains("ext-info-c")
      // Terrapin: with strict key exchange nothing may come before the peer's KEXINIT.
      if isStrict, reader.sequence != 1 { throw SSHError(.protocolError, "packets before the first KEXINIT") }
    }
    try startExchange(into: &output)
    guard var current = exchange else { return }
    current.peerInit = peer
    current.peerPayload = payload.copied()
    let negotiated = try NegotiatedAlgorithms(
      client: role == .client ? current.ownInit : peer, server: role == .server ? current.ownInit : peer)
    current.negotiated = negotiated
    current.ignoresNext = peer.firstPacketFollows && !negotiated.guessedRight
    if role == .client {
      let method = try negotiated.keyExchange.method.init()
      current.method = method
      try sendNow(into: &output) {
        $0.append(MessageNumber.ecdhInit)
        $0.appendString(method.share)
      }
    }
    exchange = current
  }

  /// The server's half of RFC 5656 §4.
  private mutating func respond(_ payload: RawSpan, into output: inout [UInt8]) throws {
    guard var current = exchange, let negotiated = current.negotiated, !current.hasSentNewKeys,
      let (hostKey, blob, algorithm) = chosenHostKey(negotiated.hostKey)
    else { throw SSHError(.protocolError, "KEX_ECDH_INIT out of turn") }
    var message = WireReader(payload)
    try message.skip(1, "message number")
    let share = try message.readStringBytes("Q_C")
    let (ownShare, secret) = try negotiated.keyExchange.method.respond(to: share)
    let hash = exchangeHash(current, blob, share, ownShare, secret)
    let isFirst = sessionID.isEmpty
    if isFirst {
      sessionID = hash
      hostKeyBlob = blob
    }
    let signature = try hostKey.sign(hash, algorithm: algorithm)
    try sendNow(into: &output) {
      $0.append(MessageNumber.ecdhReply)
      $0.appendString(blob)
      $0.appendString(ownShare)
      $0.appendString(signature)
    }
    try useKeys(&current, hash, secret, into: &output)
  }

  /// What a key of the server's is offered by: its certificate first, for clients that know the authority.
  private func offeredAlgorithms(_ key: PrivateKey) -> [String] {
    let isCertified = hostCertificates.contains { $0.kind == .host && $0.key == key.publicKey }
    return (isCertified ? key.algorithms.map(KeyCertificate.algorithm) : []) + key.algorithms
  }

  /// The key, what proves it to the client, and the algorithm that it signs by.
  private func chosenHostKey(_ name: String) -> (key: PrivateKey, blob: [UInt8], algorithm: String)? {
    let plain = KeyCertificate.plainAlgorithm(name)
    let algorithm = plain ?? name
    guard let key = hostKeys.first(where: { $0.algorithms.contains(algorithm) }) else { return nil }
    guard plain != nil else { return (key, key.publicKey.blob, algorithm) }
    guard let certificate = hostCertificates.first(where: { $0.kind == .host && $0.key == key.publicKey }) else {
      return nil
    }
    return (key, certificate.blob, algorithm)
  }

  /// The client's half: the server's answer. The signature is right when this returns; whose key it is, the caller judges.
  private mutating func receiveReply(_ payload: RawSpan) throws -> (PublicKey, KeyCertificate?) {
    guard var current = exchange, let negotiated = current.negotiated, let method = current.method,
      current.unverified == nil, !current.hasSentNewKeys
    else { throw SSHError(.protocolError, "KEX_ECDH_REPLY out of turn") }
    var message = WireReader(payload)
    try message.skip(1, "message number")
    let blob = try message.readStringBytes("K_S")
    let plain = KeyCertificate.plainAlgorithm(negotiated.hostKey)
    let certificate = plain == nil ? nil : try KeyCertificate(blob: blob)
    guard certificate.map({ $0.kind == .host }) ?? true else {
      throw SSHError(.hostKeyNotVerifiable, "a user's certificate for a host")
    }
    let hostKey = try certificate?.key ?? PublicKey(blob: blob)
    let share = try message.readStringBytes("Q_S")
    let signature = try message.readStringBytes("signature")
    let secret = try method.finish(serverShare: share)
    let hash = exchangeHash(current, blob, method.share, share, secret)
    guard hostKey.isValid(signature, for: hash, algorithm: plain ?? negotiated.hostKey) else {
      throw SSHError(.hostKeyNotVerifiable, "the server's signature is wrong")
    }
    current.unverified = UnverifiedExchange(hash: hash, secret: secret, blob: blob)
    exchange = current
    return (hostKey, certificate)
  }

  /// The client's user takes the host key.
  mutating func acceptHostKey(into output: inout [UInt8]) throws {
    guard var current = exchange, let unverified = current.unverified else { return }
    current.unverified = nil
    if sessionID.isEmpty {
      sessionID = unverified.hash
      hostKeyBlob = unverified.blob
    }
    try useKeys(&current, unverified.hash, unverified.secret, into: &output)
  }

  /// Sends NEWKEYS and goes over to the new keys; the other direction follows with the peer's NEWKEYS.
  private mutating func useKeys(
    _ current: inout Exchange, _ hash: [UInt8], _ secret: SharedSecretForm, into output: inout [UInt8]
  ) throws {
    guard let negotiated = current.negotiated else { return }
    let derivation = KeyDerivation(
      hash: negotiated.keyExchange.hash, secret: secret, exchangeHash: hash, sessionID: sessionID)
    let toServer = try negotiated.cipherToServer.packets(
      derivation.keys(.toServer, negotiated.cipherToServer, negotiated.macToServer), mac: negotiated.macToServer)
    let toClient = try negotiated.cipherToClient.packets(
      derivation.keys(.toClient, negotiated.cipherToClient, negotiated.macToClient), mac: negotiated.macToClient)
    try sendNow(into: &output) { $0.append(MessageNumber.newKeys) }
    writer.use(role == .server ? toClient : toServer, resetsSequence: isStrict)
    current.opener = role == .server ? toServer : toClient
    current.hasSentNewKeys = true
    current.method = nil
    summary = negotiated
    exchange = current
    try renewDeflater()
    if role == .server, !current.isRekey, peerTakesExtensions { try sendExtensions(into: &output) }
    try releaseHeld(into: &output)
  }

  private mutating func receiveNewKeys(_ payload: RawSpan) throws -> Bool {
    guard payload.byteCount == 1, let current = exchange, let opener = current.opener else {
      throw SSHError(.protocolError, "NEWKEYS out of turn")
    }
    reader.use(opener, resetsSequence: isStrict)
    try renewInflater()
    exchange = nil
    return !current.isRekey
  }

  /// SSH_MSG_EXT_INFO (RFC 8308 §2.3): which signatures users may log in with, and OpenSSH's extensions that we have.
  private mutating func sendExtensions(into output: inout [UInt8]) throws {
    try sendNow(into: &output) {
      $0.append(MessageNumber.extensionInfo)
      $0.appendInteger(UInt32(3))
      $0.appendString("server-sig-algs")
      $0.appendNameList(SignatureAlgorithm.table.map(\.name))
      $0.appendString("publickey-hostbound@openssh.com")
      $0.appendString("0")
      $0.appendString("ping@openssh.com")
      $0.appendString("0")
    }
  }

  private func exchangeHash(
    _ current: Exchange, _ hostKey: [UInt8], _ clientShare: [UInt8], _ serverShare: [UInt8], _ secret: SharedSecretForm
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendString(role == .client ? ownIdentification : peerIdentification)
    bytes.appendString(role == .server ? ownIdentification : peerIdentification)
    bytes.appendString(role == .client ? current.ownPayload : current.peerPayload)
    bytes.appendString(role == .server ? current.ownPayload : current.peerPayload)
    bytes.appendString(hostKey)
    bytes.appendString(clientShare)
    bytes.appendString(serverShare)
    bytes += secret.bytes
    return (current.negotiated?.keyExchange.hash ?? .sha256).digest(bytes)
  }
}
