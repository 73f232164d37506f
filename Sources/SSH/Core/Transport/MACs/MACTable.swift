/// A row for each MAC that can be negotiated, best first.
struct MACAlgorithm: Sendable {
  let name: String
  let hash: HashAlgorithm
  let isOverCiphertext: Bool

  static let table: [MACAlgorithm] = [
    MACAlgorithm(name: "hmac-sha2-256-etm@openssh.com", hash: .sha256, isOverCiphertext: true),
    MACAlgorithm(name: "hmac-sha2-512-etm@openssh.com", hash: .sha512, isOverCiphertext: true),
    MACAlgorithm(name: "hmac-sha2-256", hash: .sha256, isOverCiphertext: false),
    MACAlgorithm(name: "hmac-sha2-512", hash: .sha512, isOverCiphertext: false),
  ]
}
