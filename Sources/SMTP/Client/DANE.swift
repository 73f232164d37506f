import Crypto
import NIOCore
import NIOSSL
import X509

/// What DNS says a mail server's certificate must be (RFC 6698, RFC 7672 §3.1): the two kinds that count for mail.
public struct DANERecord: Sendable, Hashable {
  public enum Usage: UInt8, Sendable, Hashable {
    /// An authority of the domain's own, whose certificate the server sends along.
    case trustAnchor = 2
    /// The server's own certificate or key; names and dates don't matter (§3.1.1).
    case endEntity = 3
  }

  public var usage: Usage
  /// Whether the key is meant, or the whole certificate.
  public var isKey: Bool
  /// 0: the thing itself, 1: its SHA-256, 2: its SHA-512.
  public var matching: UInt8
  public var data: [UInt8]

  /// From the octets of a TLSA record; `nil` for those that are of no use for mail (§3.1.3) or not understood.
  public init?(_ wire: [UInt8]) {
    guard wire.count > 3, let usage = Usage(rawValue: wire[0]), wire[1] <= 1, wire[2] <= 2 else { return nil }
    let data = Array(wire[3...])
    guard wire[2] == 0 || data.count == (wire[2] == 1 ? 32 : 64) else { return nil }
    self.usage = usage
    isKey = wire[1] == 1
    matching = wire[2]
    self.data = data
  }

  /// Whether it means this certificate.
  func matches(_ certificate: NIOSSLCertificate) -> Bool {
    let octets: [UInt8]?
    if isKey {
      octets = try? certificate.extractPublicKey().toSPKIBytes()
    } else {
      octets = try? certificate.toDERBytes()
    }
    guard let octets else { return false }
    switch matching {
    case 0: return octets == data
    case 1: return Array(SHA256.hash(data: octets)) == data
    default: return Array(SHA512.hash(data: octets)) == data
    }
  }
}

/// What DNS says of TLS at a server, and whether it was proved to be true (DNSSEC).
public struct DANEAnswer: Sendable, Hashable {
  public var records: [DANERecord] = []
  /// Records that are there, usable or not.
  public var count = 0
  public var isSecure = false

  public init() {}
}

/// Checks a server's chain against its records.
enum DANECheck {
  static func verify(
    _ chain: [NIOSSLCertificate], _ records: [DANERecord], host: String,
    _ promise: EventLoopPromise<NIOSSLVerificationResult>
  ) {
    guard let leaf = chain.first else { return promise.succeed(.failed) }
    if records.contains(where: { $0.usage == .endEntity && $0.matches(leaf) }) {
      return promise.succeed(.certificateVerified)
    }
    let anchors = chain.filter { certificate in
      records.contains { $0.usage == .trustAnchor && $0.matches(certificate) }
    }
    guard !anchors.isEmpty else { return promise.succeed(.failed) }
    do {
      let certificates = try chain.map { try Certificate(derEncoded: $0.toDERBytes()) }
      let roots = try anchors.map { try Certificate(derEncoded: $0.toDERBytes()) }
      promise.completeWithTask {
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) {
          RFC5280Policy()
          ServerIdentityPolicy(serverHostname: host, serverIP: nil)
        }
        let result = await verifier.validate(
          leaf: certificates[0], intermediates: CertificateStore(certificates.dropFirst()))
        if case .validCertificate = result { return .certificateVerified }
        return .failed
      }
    } catch { promise.succeed(.failed) }
  }
}
