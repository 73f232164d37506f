import Services
import SwiftASN1
import X509

/// A certificate, and what its bytes say.
struct ParsedCertificate: Sendable, Hashable {
  let outline: CertificateOutline
  let certificate: Certificate
}

/// Finds the way from a server's certificate to a root.
struct CertificatePath {
  /// How the search ended.
  enum Outcome {
    /// Leaf first, without a self-signed root; then the root. A trusted leaf is its own root.
    case found([ParsedCertificate], root: Certificate)
    /// The longest way that was found, and why it ends there.
    case ended([ParsedCertificate], CertificateFinding)
  }

  let roots: TrustRoots
  let now: WallTime
  /// Signatures that may still be checked: cross-signed authorities can make a maze.
  private var checksLeft = 64
  /// Certificates in a chain; public ones have two to four.
  private static let lengthMaximum = 10
  private var longest: [ParsedCertificate] = []

  init(roots: TrustRoots, now: WallTime) {
    self.roots = roots
    self.now = now
  }

  mutating func find(from leaf: ParsedCertificate, among others: [ParsedCertificate]) -> Outcome {
    if let (path, root) = extend([leaf], others) { return .found(path, root: root) }
    return .ended(longest, reason(others))
  }

  /// Clients have the root themselves, so it is not in the path; an intermediate that is trusted here they may lack.
  private mutating func extend(
    _ path: [ParsedCertificate], _ others: [ParsedCertificate]
  ) -> ([ParsedCertificate], Certificate)? {
    if path.count > longest.count { longest = path }
    guard let last = path.last, path.count <= Self.lengthMaximum else { return nil }
    if roots.contains(last.outline.der, subject: last.outline.subject) {
      let isSent = path.count == 1 || !last.outline.isSelfIssued
      return (isSent ? path : Array(path.dropLast()), last.certificate)
    }
    for root in validFirst(roots.certificates(subject: last.outline.issuer)) where signed(last, by: root.certificate) {
      return (root.outline.isSelfIssued ? path : path + [root], root.certificate)
    }
    for other in validFirst(others) where other.outline.subject == last.outline.issuer && !path.contains(other) {
      guard signed(last, by: other.certificate) else { continue }
      if let found = extend(path + [other], others) { return found }
    }
    return nil
  }

  /// Authorities exist twice while their roots are replaced: the certificate that is valid today is the better way.
  private func validFirst(_ certificates: [ParsedCertificate]) -> [ParsedCertificate] {
    let isValid = { (one: ParsedCertificate) in one.certificate.notBefore <= now && now <= one.certificate.notAfter }
    return certificates.filter(isValid) + certificates.filter { !isValid($0) }
  }

  private mutating func signed(_ certificate: ParsedCertificate, by issuer: Certificate) -> Bool {
    guard checksLeft > 0 else { return false }
    checksLeft -= 1
    return issuer.publicKey.isValidSignature(certificate.certificate.signature, for: certificate.certificate)
  }

  private func reason(_ others: [ParsedCertificate]) -> CertificateFinding {
    guard let last = longest.last else { return .noCertificate(found: []) }
    let subject = last.certificate.subjectText
    let issuer = last.certificate.issuerText
    if last.outline.isSelfIssued { return .untrustedRoot(subject: subject) }
    let isNamed =
      others.contains { $0.outline.subject == last.outline.issuer && !longest.contains($0) }
      || !roots.certificates(subject: last.outline.issuer).isEmpty
    return isNamed
      ? .brokenSignature(subject: subject, issuer: issuer) : .missingIntermediate(subject: subject, issuer: issuer)
  }
}

extension Certificate {
  /// The subject for people: the common name, or the first name it is for, or all of the subject.
  var subjectText: String {
    if let common = subject.commonName { return printable(common) }
    if let name = names.first { return name.description }
    return subject.isEmpty ? "(no subject)" : printable("\(subject)")
  }

  /// The issuer for people: the common name, or all of it.
  var issuerText: String { printable(issuer.commonName ?? "\(issuer)") }
}

extension DistinguishedName {
  /// The last common name in it.
  var commonName: String? { value(of: .RDNAttributeType.commonName) }

  /// The last organisation name in it.
  var organisation: String? { value(of: .RDNAttributeType.organizationName) }

  private func value(of type: ASN1ObjectIdentifier) -> String? {
    var found: String?
    for part in self {
      for attribute in part where attribute.type == type { found = String(attribute.value) }
    }
    return found
  }
}
