import Services

/// One thing that a check found out about a certificate, its chain or its key.
///
/// Subjects and issuers are readable texts, control characters shown as numbers. Times are seconds since 1970.
public enum CertificateFinding: Hashable, Sendable {
  /// The file holds no certificate.
  case noCertificate(found: [String])
  /// The file is no PEM file.
  case unreadableFile(reason: String)
  /// The certificate at this place (from 1) can't be read.
  case unreadableCertificate(position: Int, reason: String)
  /// No certificate of the file is for the key.
  case keyMismatch(subject: String)
  /// No key was given, and none waits for this certificate.
  case keyMissing(subject: String)
  /// The certificate that `issuer` has, which signed `subject`, is not there.
  case missingIntermediate(subject: String, issuer: String)
  /// The chain ends at a root that nobody trusts.
  case untrustedRoot(subject: String)
  /// A certificate of the issuer's name is there, but did not sign this one.
  case brokenSignature(subject: String, issuer: String)
  case notYetValid(subject: String, from: Int64)
  case expired(subject: String, at: Int64)
  /// A warning.
  case expiresSoon(subject: String, at: Int64)
  case weakSignature(subject: String, algorithm: String)
  case weakKey(subject: String, key: String)
  case unsupportedKey(subject: String, key: String)
  /// Few clients accept the key's algorithm: a warning.
  case rareKey(subject: String, key: String)
  /// The key may not sign, which TLS needs.
  case keyUsage(subject: String)
  /// The extended key usage leaves out servers.
  case noServerAuthentication(subject: String)
  /// No subject alternative names at all.
  case noNames(subject: String)
  case wrongHostName(asked: String, names: [String])
  case certificateAuthorityAsLeaf(subject: String)
  /// It signed another certificate, and is no authority, or one that may not sign.
  case notAuthority(subject: String)
  /// More authorities stand below it than it permits.
  case pathTooLong(subject: String)
  /// RFC 5280's other rules, in the verifier's words.
  case policy(reason: String)
  /// The certificates were not in order; they are now: a note.
  case reordered
  /// Certificates that do not belong to the chain were left out: a note.
  case unrelated(subjects: [String])

  /// How much it matters.
  public enum Severity: String, Sendable, Hashable, Codable {
    /// The certificate is not taken.
    case refusal
    case warning
    /// Mended without help.
    case note
  }

  public var severity: Severity {
    switch self {
    case .expiresSoon, .rareKey: .warning
    case .reordered, .unrelated: .note
    default: .refusal
    }
  }

  /// A constant name for scripts, such as `key-mismatch`.
  public var code: String {
    switch self {
    case .noCertificate: "no-certificate"
    case .unreadableFile: "unreadable-file"
    case .unreadableCertificate: "unreadable-certificate"
    case .keyMismatch: "key-mismatch"
    case .keyMissing: "key-missing"
    case .missingIntermediate: "missing-intermediate"
    case .untrustedRoot: "untrusted-root"
    case .brokenSignature: "broken-signature"
    case .notYetValid: "not-yet-valid"
    case .expired: "expired"
    case .expiresSoon: "expires-soon"
    case .weakSignature: "weak-signature"
    case .weakKey: "weak-key"
    case .unsupportedKey: "unsupported-key"
    case .rareKey: "rare-key"
    case .keyUsage: "key-usage"
    case .noServerAuthentication: "no-server-authentication"
    case .noNames: "no-names"
    case .wrongHostName: "wrong-host-name"
    case .certificateAuthorityAsLeaf: "authority-as-leaf"
    case .notAuthority: "not-authority"
    case .pathTooLong: "path-too-long"
    case .policy: "policy"
    case .reordered: "reordered"
    case .unrelated: "unrelated"
    }
  }
}

extension CertificateFinding: CustomStringConvertible {
  /// What was found, and how to mend it.
  public var description: String { "\(message) \(remedy)" }

  /// What was found: one sentence.
  public var message: String {
    switch self {
    case .noCertificate(let found):
      found.isEmpty
        ? "The file is no PEM file." : "The file holds no certificate, only: \(found.joined(separator: ", "))."
    case .unreadableFile(let reason): "The file can't be read: \(reason)."
    case .unreadableCertificate(let position, let reason):
      "Certificate \(position) of the file can't be read: \(reason)."
    case .keyMismatch(let subject): "The key does not belong to the certificate of \(subject)."
    case .keyMissing(let subject): "There is no key for the certificate of \(subject)."
    case .missingIntermediate(let subject, let issuer):
      "\(issuer), which issued the certificate of \(subject), is neither in the file nor a trusted root."
    case .untrustedRoot(let subject): "The chain ends at \(subject), which is not trusted here."
    case .brokenSignature(let subject, let issuer):
      "The certificate of \(subject) was not signed by the given \(issuer)."
    case .notYetValid(let subject, let from): "The certificate of \(subject) is not valid before \(time(from))."
    case .expired(let subject, let at): "The certificate of \(subject) expired at \(time(at))."
    case .expiresSoon(let subject, let at): "The certificate of \(subject) expires soon, at \(time(at))."
    case .weakSignature(let subject, let algorithm): "The certificate of \(subject) is signed with \(algorithm)."
    case .weakKey(let subject, let key): "The key of \(subject) is too weak: \(key)."
    case .unsupportedKey(let subject, let key): "The key of \(subject) can't be used by a TLS server: \(key)."
    case .rareKey(let subject, let key): "The key of \(subject) is of a kind that some clients refuse: \(key)."
    case .keyUsage(let subject): "The certificate of \(subject) does not permit digital signatures, which TLS needs."
    case .noServerAuthentication(let subject): "The certificate of \(subject) is not meant for servers."
    case .noNames(let subject):
      "The certificate of \(subject) has no alternative names, and clients ignore the common name."
    case .wrongHostName(let asked, let names):
      "The certificate is not for \(asked), but for \(names.joined(separator: ", "))."
    case .certificateAuthorityAsLeaf(let subject):
      "The certificate of \(subject) is that of an authority, not of a server."
    case .notAuthority(let subject): "\(subject) signed another certificate of the chain, and may not."
    case .pathTooLong(let subject): "\(subject) does not permit as many authorities below it."
    case .policy(let reason): "The chain breaks a rule of RFC 5280: \(reason)."
    case .reordered: "The certificates were not in order from the server's to the root's; they were put in order."
    case .unrelated(let subjects): "Left out, as not of the chain: \(subjects.joined(separator: ", "))."
    }
  }

  /// How to mend it; empty for what is mended already.
  public var remedy: String {
    switch self {
    case .noCertificate, .unreadableFile, .unreadableCertificate:
      "Give the PEM file from the authority; DER becomes PEM by: openssl x509 -inform DER -in FILE, PKCS#7 by: "
        + "openssl pkcs7 -print_certs -in FILE, PKCS#12 by: openssl pkcs12 -nodes -in FILE."
    case .keyMismatch: "Look for the key that the request was made with, or make a new request: portside cert request."
    case .keyMissing: "Give the key with --key; only requests made here (portside cert request) keep theirs."
    case .missingIntermediate:
      "Add the intermediate that the authority offers to the file (often 'fullchain'), or give your own root with --root."
    case .untrustedRoot: "If it is your own authority, give its root with --root."
    case .brokenSignature:
      "Get the chain anew from the authority: certificates of different keys were mixed, or altered."
    case .notYetValid: "Check this machine's clock and time zone, or wait."
    case .expired: "Have it renewed, or check this machine's clock."
    case .expiresSoon: "Have it renewed in time."
    case .weakSignature: "Have it issued anew with SHA-256."
    case .weakKey: "Make a new key (ECDSA P-256, or RSA of 2048 bits at least) and have a certificate issued for it."
    case .unsupportedKey, .rareKey: "Make an ECDSA key on P-256: portside cert request."
    case .keyUsage: "Have it issued anew with the key usage 'digital signature'."
    case .noServerAuthentication: "Have it issued anew with the extended key usage 'server authentication'."
    case .noNames: "Have it issued anew with the host names as subject alternative names."
    case .wrongHostName: "Have it issued for that name too, or leave the name out of the import."
    case .certificateAuthorityAsLeaf: "Put the server's own certificate first in the file."
    case .notAuthority, .pathTooLong, .policy: "Show the chain to the authority that issued it."
    case .reordered, .unrelated: ""
    }
  }

  private func time(_ seconds: Int64) -> String { WallTime(seconds: seconds).text }
}

extension CertificateFinding {
  /// A finding as tables and JSON show it.
  public struct Summary: Sendable, Hashable, Codable {
    public var code: String
    public var severity: Severity
    public var message: String
    /// How to mend it; empty for what is mended already.
    public var remedy: String
  }

  public var summary: Summary { Summary(code: code, severity: severity, message: message, remedy: remedy) }
}
