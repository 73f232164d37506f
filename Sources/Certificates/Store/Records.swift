import FoundationEssentials
import Services
import SwiftASN1
import X509

/// Where a certificate came from, which decides who renews it.
public enum CertificateOrigin: String, Sendable, Hashable, Codable, CaseIterable {
  /// Issued, and renewed, by the internal authority.
  case internalAuthority = "internal-ca"
  /// Brought by an administrator, who brings the next one too.
  case imported
  /// Had from an ACME server.
  case acme
}

/// The file of a certificate: `certificates/ID.json`. One file, so that key and chain change together.
struct CertificateRecord: Codable, Sendable {
  var version = 1
  var id: String
  var origin: CertificateOrigin
  /// Empty for all.
  var services: [ServiceName]
  /// Seconds since 1970 at which the entry was first made.
  var since: Int64
  /// Days that it was asked to be valid, for those that are issued here.
  var days: Int?
  /// PEM, leaf first, without the root.
  var chain: String
  /// The private key, sealed, base64.
  var key: Data
}

/// The file of a request that waits for its certificate: `requests/ID.json`.
struct RequestRecord: Codable, Sendable {
  var version = 1
  var id: String
  var names: [CertificateName]
  var services: [ServiceName]
  var since: Int64
  /// PKCS#10, PEM.
  var request: String
  var key: Data
}

/// The file of the internal authority: `authority.json`.
struct AuthorityRecord: Codable, Sendable {
  var version = 1
  var root: String
  var rootKey: Data
  var intermediate: String
  var intermediateKey: Data
  /// Roots that were replaced, PEM; clients go on trusting them until they end.
  var formerRoots: [String]
}

/// Certificate, chain and key of a record, checked.
struct StoredCertificate: Sendable {
  let record: CertificateRecord
  /// Leaf first; never empty.
  let chain: [Certificate]
  let leaf: Certificate
  let key: ServerKey

  var identity: TLSIdentity {
    TLSIdentity(
      names: leaf.names.map(\.description), services: Set(record.services),
      chain: chain.compactMap { try? encoded($0) }, privateKey: key.pkcs8)
  }
}

/// A request and its key.
struct StoredRequest: Sendable {
  let record: RequestRecord
  let key: ServerKey
}

/// How records become bytes and back.
enum RecordCodec {
  static func encode(_ record: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(record)) + [0x0A]
  }

  static func decode<Record: Decodable>(_ type: Record.Type, _ bytes: [UInt8]) throws -> Record {
    try JSONDecoder().decode(type, from: Data(bytes))
  }

  /// The certificates of a record's PEM text.
  static func certificates(_ pem: String) throws -> [Certificate] {
    try PEM.blocks(in: Array(pem.utf8)).map { try Certificate(derEncoded: $0.bytes) }
  }

  static func pem(_ chain: [[UInt8]]) -> String {
    chain.map { PEMBlock(label: "CERTIFICATE", bytes: $0).text }.joined()
  }
}
