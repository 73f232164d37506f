/// What an end wants, best first; names that the tables do not have are left out.
public struct AlgorithmPreferences: Sendable, Hashable {
  public var keyExchanges: [String]
  public var ciphers: [String]
  public var macs: [String]
  /// For a client: the host key algorithms that it takes.
  public var hostKeys: [String]

  /// Everything that the tables have.
  public init() {
    keyExchanges = KeyExchangeAlgorithm.table.map(\.name)
    ciphers = CipherAlgorithm.table.map(\.name)
    macs = MACAlgorithm.table.map(\.name)
    hostKeys = SignatureAlgorithm.table.filter(\.isForHosts).map(\.name)
  }

  /// What ssh-audit's policy for hardened servers permits: no curves of NIST, and MACs over the encrypted packet alone.
  public static var hardened: AlgorithmPreferences {
    var preferences = AlgorithmPreferences()
    preferences.keyExchanges.removeAll { $0.hasPrefix("ecdh-") }
    preferences.hostKeys.removeAll { $0.hasPrefix("ecdsa-") }
    preferences.macs.removeAll { !$0.contains("-etm@") }
    return preferences
  }
}

/// What two ends agree on (RFC 4253 §7.1).
struct NegotiatedAlgorithms {
  var keyExchange: KeyExchangeAlgorithm
  var hostKey: String
  var cipherToServer: CipherAlgorithm
  var cipherToClient: CipherAlgorithm
  var macToServer: MACAlgorithm?
  var macToClient: MACAlgorithm?
  /// Whether both ends' first choices of exchange and host key are the same, so that a guessed packet counts.
  var guessedRight: Bool

  /// The first of the client's that the server has too, in each list.
  init(client: KeyExchangeInit, server: KeyExchangeInit) throws(SSHError) {
    let keyExchangeName = try Self.first(client.keyExchanges, server.keyExchanges, "no key exchange in common")
    guard let keyExchange = KeyExchangeAlgorithm.table.first(where: { $0.name == keyExchangeName }) else {
      throw SSHError(.keyExchangeFailed, "no key exchange in common")
    }
    self.keyExchange = keyExchange
    hostKey = try Self.first(client.hostKeys, server.hostKeys, "no host key algorithm in common")
    (cipherToServer, macToServer) = try Self.direction(
      client.ciphersToServer, server.ciphersToServer, client.macsToServer, server.macsToServer)
    (cipherToClient, macToClient) = try Self.direction(
      client.ciphersToClient, server.ciphersToClient, client.macsToClient, server.macsToClient)
    _ = try Self.first(client.compressionsToServer, server.compressionsToServer, "no compression in common")
    _ = try Self.first(client.compressionsToClient, server.compressionsToClient, "no compression in common")
    guessedRight =
      client.keyExchanges.first == server.keyExchanges.first && client.hostKeys.first == server.hostKeys.first
  }

  private static func direction(
    _ clientCiphers: [String], _ serverCiphers: [String], _ clientMACs: [String], _ serverMACs: [String]
  ) throws(SSHError) -> (CipherAlgorithm, MACAlgorithm?) {
    let name = try first(clientCiphers, serverCiphers, "no cipher in common")
    guard let cipher = CipherAlgorithm.table.first(where: { $0.name == name }) else {
      throw SSHError(.keyExchangeFailed, "no cipher in common")
    }
    guard !cipher.isAuthenticated else { return (cipher, nil) }
    let macName = try first(clientMACs, serverMACs, "no MAC in common")
    guard let mac = MACAlgorithm.table.first(where: { $0.name == macName }) else {
      throw SSHError(.keyExchangeFailed, "no MAC in common")
    }
    return (cipher, mac)
  }

  private static func first(
    _ client: [String], _ server: [String], _ diagnosis: StaticString
  ) throws(SSHError) -> String {
    guard let name = client.first(where: { server.contains($0) }) else {
      throw SSHError(.keyExchangeFailed, diagnosis)
    }
    return name
  }
}
