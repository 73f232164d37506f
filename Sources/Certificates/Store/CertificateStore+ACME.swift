import Crypto
import FoundationEssentials
import Services
import SwiftASN1
import X509

/// A certificate that an ACME authority issued, as far as its renewal needs to know it.
public struct ACMEEntry: Sendable, Hashable {
  public var id: String
  public var names: [String]
  public var services: Set<ServiceName>
  public var notBefore: WallTime
  public var notAfter: WallTime
  /// What names it to its authority (RFC 9773 §4.1); `nil` when it lacks what that is made of.
  public var renewalIdentifier: String?
}

/// The account at an ACME authority: the file `accounts/HASH.json`.
private struct ACMEAccountRecord: Codable {
  var version = 1
  var directory: String
  var account: String?
  var key: Data
}

extension CertificateStore {
  private var accounts: DurableDirectory { DurableDirectory(path: "\(configuration.directory)/accounts") }

  /// Everything that was had by ACME.
  public func acmeEntries() throws(CertificateStoreError) -> [ACMEEntry] {
    try loadCertificates().0.filter { $0.record.origin == .acme }.map { stored in
      ACMEEntry(
        id: stored.record.id, names: stored.leaf.names.map(\.description), services: Set(stored.record.services),
        notBefore: stored.leaf.notBefore, notAfter: stored.leaf.notAfter,
        renewalIdentifier: stored.leaf.renewalIdentifier)
    }
  }

  /// The key (32 octets of a P-256 private key) and the URL of our account at an authority; `nil` when there is none yet.
  public func acmeAccount(at directory: String) throws(CertificateStoreError) -> (key: Secret, account: String?)? {
    let name = Self.accountFile(directory)
    guard accounts.contains(name) else { return nil }
    do {
      let record = try RecordCodec.decode(ACMEAccountRecord.self, try accounts.read(name))
      let key = try encryption.open(Array(record.key), purpose: .acmeAccountKey, name: directory)
      return (key, record.account)
    } catch {
      throw CertificateStoreError(error)
    }
  }

  /// Keeps our account at an authority.
  public func saveACMEAccount(
    at directory: String, key: Secret, account: String?
  ) throws(CertificateStoreError) {
    try locked {
      try accounts.make()
      let record = ACMEAccountRecord(
        directory: directory, account: account,
        key: Data(try encryption.seal(key, purpose: .acmeAccountKey, name: directory)))
      try accounts.write(Self.accountFile(directory), try RecordCodec.encode(record))
    }
  }

  private static func accountFile(_ directory: String) -> String {
    hexadecimal(SHA256.hash(data: Array(directory.utf8)).prefix(16)) + ".json"
  }

  /// Issues a certificate of the internal authority for a key that is somebody else's: leaf and intermediate, DER.
  ///
  /// - Parameters:
  ///   - request: PKCS#10, DER; its signature is checked.
  ///   - names: What the certificate is for, each of them proved to be the client's. The request must ask for exactly these.
  public func issue(
    request: [UInt8], names texts: [String], days: Int = PrivateAuthority.leafDays
  ) throws(CertificateStoreError) -> [[UInt8]] {
    let names = try Self.names(texts)
    do {
      let request = try CertificateRequest(der: request)
      guard Set(request.names) == Set(names) else { throw AuthorityError.signing("the request is for other names") }
      return try locked {
        try currentAuthority().issue(names: names, for: request.publicKey, days: days, now: clock.wallTime())
      }
    } catch {
      throw CertificateStoreError(error)
    }
  }

  /// A certificate that answers tls-alpn-01 (RFC 8737 §3): for one name, signed by its own key, with the digest of the key
  /// authorization in an extension that nobody may pass over.
  public static func challengeIdentity(
    for name: String, digest: [UInt8], now: WallTime
  ) throws(CertificateStoreError) -> TLSIdentity {
    do {
      guard let host = CertificateName(name) else { throw CertificateStoreError.badName(name) }
      let key = ServerKey.generate()
      var serializer = DER.Serializer()
      try serializer.serialize(ASN1OctetString(contentBytes: digest[...]))
      var extensions = try Certificate.Extensions { SubjectAlternativeNames([GeneralName(host)]) }
      try extensions.append(
        .init(oid: [1, 3, 6, 1, 5, 5, 7, 1, 31], critical: true, value: serializer.serializedBytes[...]))
      let subject = try DistinguishedName { CommonName("ACME challenge") }
      let certificate = try Certificate(
        version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.signing.publicKey,
        notValidBefore: now.earlier(by: .seconds(3600)).date, notValidAfter: (now + .seconds(7 * 86_400)).date,
        issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
        issuerPrivateKey: key.signing)
      return TLSIdentity(
        names: [host.description], services: [.https], chain: [try encoded(certificate)], privateKey: key.pkcs8)
    } catch {
      throw CertificateStoreError(error)
    }
  }
}

/// A signing request of somebody else's, checked.
struct CertificateRequest {
  let names: [CertificateName]
  let publicKey: Certificate.PublicKey

  /// Throws for what is malformed, not signed by its own key, for a key that no server should have, or asks for names that
  /// are none.
  init(der: [UInt8]) throws {
    let request = try CertificateSigningRequest(derEncoded: der)
    guard request.publicKey.isValidSignature(request.signature, for: request) else {
      throw AuthorityError.signing("the request is not signed by its key")
    }
    if case .rsa(let bits) = request.publicKey.kind, !(2048...4096).contains(bits) {
      throw AuthorityError.signing("RSA with \(bits) bits")
    }
    publicKey = request.publicKey
    var names: [CertificateName] = []
    for attribute in request.attributes where attribute.oid == .CSRAttributes.extensionRequest {
      let asked = try ExtensionRequest(attribute)
      for name in try asked.extensions.subjectAlternativeNames ?? SubjectAlternativeNames([]) {
        guard let name = CertificateName(name) else {
          throw AuthorityError.signing("a name of a kind that is not issued")
        }
        names.append(name)
      }
    }
    guard !names.isEmpty else { throw AuthorityError.noNames }
    self.names = names
  }
}

/// Lets others see what is asked for before it is issued.
public enum CertificateRequestReader {
  /// The names of a request; `nil` when it can't be used.
  public static func names(der: [UInt8]) -> [String]? { try? CertificateRequest(der: der).names.map(\.description) }

  /// A request's DER, from PEM.
  public static func der(pem: String) -> [UInt8]? {
    try? PEM.blocks(in: Array(pem.utf8)).first { $0.label.hasSuffix("CERTIFICATE REQUEST") }?.bytes
  }
}

extension Certificate {
  /// The identifier of authority key and serial number, each in base64url (RFC 9773 §4.1).
  var renewalIdentifier: String? {
    guard let authority = try? extensions.authorityKeyIdentifier?.keyIdentifier else { return nil }
    var serial = Array(serialNumber.bytes)
    if let first = serial.first, first >= 0x80 { serial.insert(0, at: 0) }
    return base64URL(Array(authority)) + "." + base64URL(serial)
  }
}

private func base64URL(_ bytes: [UInt8]) -> String {
  Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}
