/// A row for each signature algorithm: of host keys and of users' keys alike.
struct SignatureAlgorithm: Sendable {
  /// The name in negotiation and in signatures.
  let name: String
  /// The name in the key's own encoding.
  let keyType: String
  /// Whether a host key may be of this kind.
  let isForHosts: Bool

  /// `ssh-rsa`, which is RSA with SHA-1, is not here (RFC 8332 §3); neither are 1024-bit keys of any kind.
  static let table: [SignatureAlgorithm] = [
    SignatureAlgorithm(name: "ssh-ed25519", keyType: "ssh-ed25519", isForHosts: true),
    SignatureAlgorithm(name: "ecdsa-sha2-nistp256", keyType: "ecdsa-sha2-nistp256", isForHosts: true),
    SignatureAlgorithm(name: "ecdsa-sha2-nistp384", keyType: "ecdsa-sha2-nistp384", isForHosts: true),
    SignatureAlgorithm(name: "ecdsa-sha2-nistp521", keyType: "ecdsa-sha2-nistp521", isForHosts: true),
    SignatureAlgorithm(name: "rsa-sha2-512", keyType: "ssh-rsa", isForHosts: true),
    SignatureAlgorithm(name: "rsa-sha2-256", keyType: "ssh-rsa", isForHosts: true),
    SignatureAlgorithm(name: "sk-ssh-ed25519@openssh.com", keyType: "sk-ssh-ed25519@openssh.com", isForHosts: false),
    SignatureAlgorithm(
      name: "sk-ecdsa-sha2-nistp256@openssh.com", keyType: "sk-ecdsa-sha2-nistp256@openssh.com", isForHosts: false),
  ]

  static func named(_ name: String) -> SignatureAlgorithm? { table.first { $0.name == name } }
}
