import Crypto
import FoundationEssentials
import Services
import SwiftASN1
import X509

/// The internal certificate authority: a root that clients trust, and an intermediate that signs.
///
/// All keys are ECDSA on P-256, all signatures ECDSA with SHA-256. What it issues passes `openssl verify -x509_strict`.
public struct PrivateAuthority: Sendable {
  /// A certificate that signs others, with its key.
  struct Issuer: Sendable {
    var certificate: Certificate
    var key: ServerKey
  }

  /// Days that a root is valid.
  public static let rootDays = 3650
  /// Days that an intermediate is valid.
  public static let intermediateDays = 1095
  /// Days that a server certificate is valid unless asked otherwise.
  public static let leafDays = 90
  /// The most that clients accept (CA/Browser Forum, before 2026).
  public static let leafDaysMaximum = 397
  /// Certificates begin this long before they are made: clients' clocks differ.
  static let backdating = Duration.seconds(3600)

  var root: Issuer
  var intermediate: Issuer

  init(root: Issuer, intermediate: Issuer) {
    self.root = root
    self.intermediate = intermediate
  }

  /// A new authority. `name` is the organisation or domain, shown in clients' lists of authorities.
  public static func make(name: String, now: WallTime) throws(AuthorityError) -> PrivateAuthority {
    let key = ServerKey.generate()
    let subject = try distinguishedName(organisation: name, common: "\(name) Root CA \(suffix(key))")
    let certificate = try sign(
      subject: subject, key.signing.publicKey, by: Issuer?.none, self: key, from: now.earlier(by: backdating),
      until: now + .days(rootDays)
    ) {
      Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 1))
      Critical(KeyUsage(keyCertSign: true, cRLSign: true))
      SubjectKeyIdentifier(hash: key.signing.publicKey)
    }
    let root = Issuer(certificate: certificate, key: key)
    return PrivateAuthority(root: root, intermediate: try makeIntermediate(root, now: now))
  }

  /// Whether the intermediate has less than a third of its life left.
  public func needsIntermediate(now: WallTime) -> Bool { isRenewalDue(intermediate.certificate, now: now) }

  /// Replaces the intermediate. What the former one signed stays valid: servers send it with its certificates.
  public mutating func renewIntermediate(now: WallTime) throws(AuthorityError) {
    intermediate = try Self.makeIntermediate(root, now: now)
  }

  /// When the root ends; clients must trust another one by then.
  public var rootEnd: WallTime { root.certificate.notAfter }

  /// The root, for clients to trust.
  public var rootPEM: String { (try? PEMBlock(label: "CERTIFICATE", bytes: encoded(root.certificate)).text) ?? "" }

  /// A server certificate for the key, with its chain: leaf, intermediate. It never outlives its issuers.
  public func issue(
    names: [CertificateName], key: ServerKey, days: Int = leafDays, now: WallTime
  ) throws(AuthorityError) -> [[UInt8]] {
    try issue(names: names, for: key.signing.publicKey, days: days, now: now)
  }

  /// The same for a key whose private half is somebody else's.
  func issue(
    names: [CertificateName], for key: Certificate.PublicKey, days: Int, now: WallTime
  ) throws(AuthorityError) -> [[UInt8]] {
    guard !names.isEmpty else { throw .noNames }
    guard (1...Self.leafDaysMaximum).contains(days) else { throw .wrongLifetime(days) }
    let issuerEnd = min(intermediate.certificate.notAfter, root.certificate.notAfter)
    guard now < issuerEnd else { throw .ended(issuerEnd) }
    // A common name has room for 64 characters (RFC 5280 A.1); an empty subject makes the names critical (§4.2.1.6).
    let common = names.map(\.description).first { $0.utf8.count <= 64 }
    let subject = try common.map { name throws(AuthorityError) in
      try Self.distinguishedName(organisation: nil, common: name)
    }
    let alternatives = SubjectAlternativeNames(names.map { GeneralName($0) })
    let certificate = try Self.sign(
      subject: subject ?? DistinguishedName(), key, by: intermediate,
      from: max(now.earlier(by: Self.backdating), intermediate.certificate.notBefore),
      until: min(now + .days(days), issuerEnd)
    ) {
      Critical(BasicConstraints.notCertificateAuthority)
      Critical(KeyUsage(digitalSignature: true))
      try ExtendedKeyUsage([.serverAuth])
      SubjectKeyIdentifier(hash: key)
      if subject == nil { Critical(alternatives) } else { alternatives }
    }
    do {
      return [try encoded(certificate), try encoded(intermediate.certificate)]
    } catch {
      throw .signing("\(error)")
    }
  }

  private static func makeIntermediate(_ root: Issuer, now: WallTime) throws(AuthorityError) -> Issuer {
    guard now < root.certificate.notAfter else { throw .ended(root.certificate.notAfter) }
    let key = ServerKey.generate()
    let organisation = root.certificate.subject.organisation
    let subject = try distinguishedName(
      organisation: organisation, common: "\(organisation ?? "Portside") Issuing CA \(suffix(key))")
    let certificate = try sign(
      subject: subject, key.signing.publicKey, by: root,
      from: max(now.earlier(by: backdating), root.certificate.notBefore),
      until: min(now + .days(intermediateDays), root.certificate.notAfter)
    ) {
      Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
      Critical(KeyUsage(digitalSignature: true, keyCertSign: true, cRLSign: true))
      SubjectKeyIdentifier(hash: key.signing.publicKey)
    }
    return Issuer(certificate: certificate, key: key)
  }

  private static func sign(
    subject: DistinguishedName, _ key: Certificate.PublicKey, by issuer: Issuer?, self own: ServerKey? = nil,
    from: WallTime, until: WallTime,
    @ExtensionsBuilder extensions: () throws -> Result<Certificate.Extensions, any Error>
  ) throws(AuthorityError) -> Certificate {
    do {
      var all = try Certificate.Extensions(builder: extensions)
      guard let issuerKey = issuer?.key ?? own else { throw AuthorityError.signing("nobody signs") }
      if issuer != nil {
        let identifier = SubjectKeyIdentifier(hash: issuerKey.signing.publicKey).keyIdentifier
        try all.append(AuthorityKeyIdentifier(keyIdentifier: identifier).makeCertificateExtension())
      }
      return try Certificate(
        version: .v3, serialNumber: serialNumber(), publicKey: key,
        notValidBefore: from.date, notValidAfter: until.date,
        issuer: issuer?.certificate.subject ?? subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
        extensions: all, issuerPrivateKey: issuerKey.signing)
    } catch {
      throw .signing("\(error)")
    }
  }

  /// 20 octets at most, and positive (RFC 5280 §4.1.2.2): 158 random bits behind a first octet that is 64 to 127.
  private static func serialNumber() -> Certificate.SerialNumber {
    var bytes = (0..<20).map { _ in UInt8.random(in: .min ... .max) }
    bytes[0] = bytes[0] & 0x3F | 0x40
    return Certificate.SerialNumber(bytes: bytes)
  }

  private static func distinguishedName(
    organisation: String?, common: String
  ) throws(AuthorityError) -> DistinguishedName {
    do {
      return try DistinguishedName {
        if let organisation { OrganizationName(String(organisation.prefix(64))) }
        CommonName(String(common.suffix(64)))
      }
    } catch {
      throw .signing("\(error)")
    }
  }

  /// Six hexadecimal digits of the key: two authorities never share a name, which would confuse clients.
  private static func suffix(_ key: ServerKey) -> String {
    let digest = SHA256.hash(data: key.publicKey)
    return hexadecimal(digest.prefix(3)).uppercased()
  }
}

/// Whether a certificate has a third of its life left, or less.
func isRenewalDue(_ certificate: Certificate, now: WallTime) -> Bool {
  now >= renewalTime(certificate)
}

/// When a certificate is renewed: with a third of its life left.
func renewalTime(_ certificate: Certificate) -> WallTime {
  let life = certificate.notAfter.seconds - certificate.notBefore.seconds
  return WallTime(seconds: certificate.notAfter.seconds - life / 3)
}

/// Lower-case hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef")
  return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}

/// Why the internal authority could not issue.
public enum AuthorityError: Error, Hashable, Sendable {
  case noNames
  /// Days outside 1...397.
  case wrongLifetime(Int)
  /// The root or the intermediate has ended.
  case ended(WallTime)
  case signing(String)
}

extension AuthorityError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noNames: "a certificate needs at least one name"
    case .wrongLifetime(let days):
      "a certificate can't be valid for \(days) days; 1 to \(PrivateAuthority.leafDaysMaximum) are possible"
    case .ended(let time):
      "the internal authority's root ended at \(time.text); make a new one (portside cert renew --authority) "
        + "and have clients trust it"
    case .signing(let diagnosis): "signing failed: \(diagnosis)"
    }
  }
}
