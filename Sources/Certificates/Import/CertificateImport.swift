import Services
import SwiftASN1
import X509

/// Judges a certificate file before it is used: whether key, certificate and chain belong together, whether clients will
/// trust them, and for how long.
public struct CertificateImport: Sendable {
  /// Most certificates in a file that is imported.
  public static let certificateCountMaximum = 32
  /// Days before the end at which a certificate "expires soon".
  public static let expiryWarningDays = 14

  public var roots: TrustRoots
  public var now: WallTime
  public var policy: TLSPolicy

  public init(roots: TrustRoots, now: WallTime, policy: TLSPolicy = .standard) {
    self.roots = roots
    self.now = now
    self.policy = policy
  }

  /// What a check found.
  public struct Report: Sendable {
    /// Everything that was found, refusals first.
    public var findings: [CertificateFinding]
    /// DER, leaf first, in order, without the root. Meaningful when there is no refusal.
    public var chain: [[UInt8]]
    /// The names that the certificate is for.
    public var names: [CertificateName]
    /// What among them ends the import.
    public var refusals: [CertificateFinding] { findings.filter { $0.severity == .refusal } }
    /// Whether the certificate may be used.
    public var isAcceptable: Bool { !findings.contains { $0.severity == .refusal } }
  }

  /// Checks the certificates of a PEM file.
  ///
  /// `key` is the one given; without one, the certificate may belong to any of `waitingKeys`, those of requests that wait.
  /// `askedNames` must all be covered. A hostile file costs bounded work.
  public func check(
    pem: [UInt8], key: ServerKey?, waitingKeys: [ServerKey] = [], askedNames: [CertificateName] = []
  ) async -> Report {
    do {
      let certificates = try parse(pem)
      return await check(certificates, key, waitingKeys, askedNames)
    } catch {
      return Report(findings: error.findings, chain: [], names: [])
    }
  }

  /// What ends the check before it has begun.
  private struct Unusable: Error {
    var findings: [CertificateFinding]
  }

  private func parse(_ pem: [UInt8]) throws(Unusable) -> [ParsedCertificate] {
    let all: [PEMBlock]
    do {
      all = try PEM.blocks(in: pem)
    } catch {
      throw Unusable(findings: [.unreadableFile(reason: "\(error)")])
    }
    let blocks = all.filter { ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"].contains($0.label) }
    guard !blocks.isEmpty else {
      throw Unusable(findings: [.noCertificate(found: all.map { printable($0.label) })])
    }
    guard blocks.count <= Self.certificateCountMaximum else {
      throw Unusable(findings: [.unreadableFile(reason: "it holds \(blocks.count) certificates; give one chain")])
    }
    var findings: [CertificateFinding] = []
    var certificates: [ParsedCertificate] = []
    for (index, block) in blocks.enumerated() {
      switch read(block.bytes, position: index + 1, isAlone: blocks.count == 1) {
      case .certificate(let certificate): if !certificates.contains(certificate) { certificates.append(certificate) }
      case .findings(let found): findings += found
      }
    }
    guard findings.isEmpty else { throw Unusable(findings: findings) }
    guard !certificates.isEmpty else { throw Unusable(findings: [.noCertificate(found: [])]) }
    return certificates
  }

  private enum Reading {
    case certificate(ParsedCertificate)
    case findings([CertificateFinding])
  }

  private func read(_ der: [UInt8], position: Int, isAlone: Bool) -> Reading {
    guard let outline = try? CertificateOutline(der: der) else {
      return .findings([.unreadableCertificate(position: position, reason: "it is no X.509 certificate")])
    }
    let isRoot = outline.isSelfIssued && !isAlone
    let subject = subjectText(outline)
    var findings: [CertificateFinding] = []
    // Nobody checks the signature of a root: it is trusted as it is, or not at all.
    if let algorithm = outline.weakSignature, !isRoot {
      findings.append(.weakSignature(subject: subject, algorithm: algorithm))
    }
    if let key = outline.weakKey(rsaBitsMinimum: policy.rsaBitsMinimum) {
      findings.append(.weakKey(subject: subject, key: key))
    } else if let key = outline.unsupportedKey {
      findings.append(.unsupportedKey(subject: subject, key: key))
    }
    // A root in the file is for completeness: the trusted copy counts, so an unusable one does no harm.
    if isRoot, !findings.isEmpty { return .findings([]) }
    guard findings.isEmpty else { return .findings(findings) }
    do {
      return .certificate(ParsedCertificate(outline: outline, certificate: try Certificate(derEncoded: der)))
    } catch {
      if isRoot { return .findings([]) }
      return .findings([.unreadableCertificate(position: position, reason: "\(subject): \(printable("\(error)"))")])
    }
  }

  private func subjectText(_ outline: CertificateOutline) -> String {
    guard let name = try? DistinguishedName(derEncoded: outline.subject) else { return "(unreadable subject)" }
    return printable(name.commonName ?? "\(name)")
  }

  private func check(
    _ certificates: [ParsedCertificate], _ key: ServerKey?, _ waitingKeys: [ServerKey],
    _ askedNames: [CertificateName]
  ) async -> Report {
    var findings: [CertificateFinding] = []
    let leaf = chooseLeaf(certificates, key, waitingKeys, &findings)
    findings += useFindings(leaf.certificate, askedNames)
    let others = certificates.filter { $0 != leaf }
    var search = CertificatePath(roots: roots, now: now)
    var path: [ParsedCertificate]
    switch search.find(from: leaf, among: others) {
    case .found(let found, let root):
      path = found
      var chain = path.map(\.certificate)
      if chain.last != root { chain.append(root) }
      let uses = issuerFindings(chain)
      findings += chain.flatMap { validityFindings($0) } + uses
      // A certificate that is trusted itself has no chain to judge.
      if uses.isEmpty, chain.count > 1, let reason = await policyFailure(of: chain) {
        findings.append(.policy(reason: reason))
      }
    case .ended(let found, let reason):
      path = found
      findings += path.flatMap { validityFindings($0.certificate) }
      findings.append(reason)
    }
    findings += orderFindings(certificates, path)
    let order: [CertificateFinding.Severity] = [.refusal, .warning, .note]
    let sorted = order.flatMap { severity in findings.filter { $0.severity == severity } }
    return Report(findings: sorted, chain: path.map(\.outline.der), names: leaf.certificate.names)
  }

  /// The certificate of the key; without one, the first that is no authority's and issued none of the others.
  private func chooseLeaf(
    _ certificates: [ParsedCertificate], _ key: ServerKey?, _ waitingKeys: [ServerKey],
    _ findings: inout [CertificateFinding]
  ) -> ParsedCertificate {
    let keys = key.map { [$0] } ?? waitingKeys
    for certificate in certificates where keys.contains(where: { $0.belongs(to: certificate.certificate) }) {
      return certificate
    }
    let issuers = Set(certificates.filter { !$0.outline.isSelfIssued }.map(\.outline.issuer))
    let leaf =
      certificates.first { !$0.certificate.isAuthority && !issuers.contains($0.outline.subject) }
      ?? certificates.first { !issuers.contains($0.outline.subject) } ?? certificates[0]
    let subject = leaf.certificate.subjectText
    findings.append(key == nil ? .keyMissing(subject: subject) : .keyMismatch(subject: subject))
    return leaf
  }

  private func useFindings(_ leaf: Certificate, _ askedNames: [CertificateName]) -> [CertificateFinding] {
    let subject = leaf.subjectText
    var findings: [CertificateFinding] = []
    if leaf.isAuthority { findings.append(.certificateAuthorityAsLeaf(subject: subject)) }
    if let usage = try? leaf.extensions.keyUsage, !usage.digitalSignature {
      findings.append(.keyUsage(subject: subject))
    }
    findings += purposeFindings(leaf)
    switch leaf.publicKey.kind {
    case .ed25519:
      findings.append(.unsupportedKey(subject: subject, key: "Ed25519, which browsers and mail programs do not accept"))
    case .ecdsaP521: findings.append(.rareKey(subject: subject, key: "ECDSA P-521"))
    default: break
    }
    let names = leaf.names
    if names.isEmpty {
      findings.append(.noNames(subject: subject))
    } else {
      for asked in askedNames where !names.contains(where: { $0.covers(asked) }) {
        findings.append(.wrongHostName(asked: asked.description, names: names.map(\.description)))
      }
    }
    return findings
  }

  /// Whether those above the leaf may issue what is below them (RFC 5280 §4.2.1.3, §4.2.1.9), and for servers. Roots of
  /// version 1 say nothing of themselves, and are trusted as they are.
  private func issuerFindings(_ chain: [Certificate]) -> [CertificateFinding] {
    var findings: [CertificateFinding] = []
    for (below, issuer) in chain.dropFirst().enumerated() {
      if issuer == chain.last, issuer.version == .v1 { continue }
      let subject = issuer.subjectText
      let maySign = (try? issuer.extensions.keyUsage)?.keyCertSign ?? true
      if !issuer.isAuthority || !maySign { findings.append(.notAuthority(subject: subject)) }
      if let limit = issuer.pathLengthMaximum,
        chain.dropFirst().prefix(below).count(where: { $0.subject != $0.issuer }) > limit
      {
        findings.append(.pathTooLong(subject: subject))
      }
      if issuer != chain.last { findings += purposeFindings(issuer) }
    }
    return findings
  }

  /// A certificate without the extension is for anything; an intermediate that has it limits what it issues.
  private func purposeFindings(_ certificate: Certificate) -> [CertificateFinding] {
    guard let purposes = try? certificate.extensions.extendedKeyUsage,
      !purposes.contains(.serverAuth), !purposes.contains(.any)
    else { return [] }
    return [.noServerAuthentication(subject: certificate.subjectText)]
  }

  private func validityFindings(_ certificate: Certificate) -> [CertificateFinding] {
    let subject = certificate.subjectText
    let (start, end) = (certificate.notBefore, certificate.notAfter)
    if now < start { return [.notYetValid(subject: subject, from: start.seconds)] }
    if now > end { return [.expired(subject: subject, at: end.seconds)] }
    // Of a certificate that lives for days only, "soon" is its last third.
    let soon = min(Int64(Self.expiryWarningDays) * 86_400, (end.seconds - start.seconds) / 3)
    return now.seconds >= end.seconds - soon ? [.expiresSoon(subject: subject, at: end.seconds)] : []
  }

  private func orderFindings(_ given: [ParsedCertificate], _ path: [ParsedCertificate]) -> [CertificateFinding] {
    var findings: [CertificateFinding] = []
    if given.filter(path.contains) != path { findings.append(.reordered) }
    let extra = given.filter { !path.contains($0) && !$0.outline.isSelfIssued }
    if !extra.isEmpty { findings.append(.unrelated(subjects: extra.map(\.certificate.subjectText))) }
    return findings
  }
}

extension DistinguishedName {
  init(derEncoded der: [UInt8]) throws { try self.init(derEncoded: DER.parse(der)) }
}
