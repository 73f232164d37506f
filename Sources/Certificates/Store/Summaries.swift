import Crypto
import Services
import SwiftASN1
import X509

/// A certificate in a list: `portside cert list`. Times are ISO 8601, in UTC.
public struct CertificateSummary: Sendable, Hashable, Codable {
  /// Whether clients accept it today.
  public enum State: String, Sendable, Hashable, Codable {
    case valid
    /// Less than a third of its life is left.
    case renewalDue = "renewal-due"
    case expired
    case notYetValid = "not-yet-valid"
  }

  public var id: String
  public var names: [String]
  /// The services that use it; empty for all.
  public var services: [ServiceName]
  public var origin: CertificateOrigin
  public var state: State
  public var subject: String
  public var issuer: String
  /// Such as `ECDSA P-256`.
  public var key: String
  public var notBefore: String
  public var notAfter: String
  /// When it is renewed of itself; `nil` for those that are not.
  public var renewal: String?
  /// SHA-256 of the certificate, as `openssl x509 -fingerprint` writes it.
  public var fingerprint: String
}

/// Everything about a certificate: `portside cert show`.
public struct CertificateDetails: Sendable, Hashable, Codable {
  /// One certificate of the chain.
  public struct Link: Sendable, Hashable, Codable {
    public var subject: String
    public var issuer: String
    public var notAfter: String
    public var fingerprint: String
  }

  public var summary: CertificateSummary
  /// Hexadecimal.
  public var serialNumber: String
  /// When the entry was first made.
  public var since: String
  /// SHA-256 of the public key: what a TLSA record `3 1 1` holds, in hexadecimal.
  public var publicKeyDigest: String
  /// Leaf first, without the root.
  public var chain: [Link]
  /// The chain as PEM.
  public var pem: String
}

/// A request that waits for its certificate.
public struct CertificateRequestSummary: Sendable, Hashable, Codable {
  public var id: String
  public var names: [String]
  public var services: [ServiceName]
  public var key: String
  public var since: String
  /// PKCS#10, PEM: what the outside authority needs.
  public var pem: String
}

/// The internal authority.
public struct AuthoritySummary: Sendable, Hashable, Codable {
  public var root: String
  public var rootNotAfter: String
  public var rootFingerprint: String
  public var intermediate: String
  public var intermediateNotAfter: String
  /// The file that clients import.
  public var file: String
  /// Whether the root has less than a year left: time to have clients trust another.
  public var endsSoon: Bool
}

/// A file that can't be used; the others are.
public struct BrokenEntry: Sendable, Hashable, Codable {
  public var file: String
  public var reason: String
}

/// All that the store holds.
public struct CertificateListing: Sendable, Hashable, Codable {
  public var certificates: [CertificateSummary]
  public var requests: [CertificateRequestSummary]
  public var authority: AuthoritySummary?
  public var broken: [BrokenEntry]
}

/// What became of a certificate when renewal was due.
public struct RenewalResult: Sendable, Hashable, Codable {
  public enum Outcome: Sendable, Hashable, Codable {
    case renewed(notAfter: String)
    case failed(reason: String)
    /// Due, but somebody else must renew it; or the authority's root comes to its end.
    case attentionNeeded(reason: String)
  }

  public var id: String
  public var names: [String]
  public var outcome: Outcome
}

/// An import that went well.
public struct ImportResult: Sendable, Hashable, Codable {
  public var certificate: CertificateSummary
  /// Warnings and notes.
  public var findings: [CertificateFinding.Summary]
}

extension StoredCertificate {
  func summary(now: WallTime) -> CertificateSummary {
    let renews = record.origin != .imported
    return CertificateSummary(
      id: record.id, names: leaf.names.map(\.description), services: record.services, origin: record.origin,
      state: state(now), subject: leaf.subjectText, issuer: leaf.issuerText, key: key.kind.description,
      notBefore: leaf.notBefore.text, notAfter: leaf.notAfter.text,
      renewal: renews ? renewalTime(leaf).text : nil, fingerprint: leaf.fingerprint)
  }

  var details: (WallTime) -> CertificateDetails {
    { now in
      CertificateDetails(
        summary: summary(now: now), serialNumber: hexadecimal(leaf.serialNumber.bytes),
        since: WallTime(seconds: record.since).text,
        publicKeyDigest: hexadecimal(SHA256.hash(data: key.publicKey)),
        chain: chain.map {
          .init(
            subject: $0.subjectText, issuer: $0.issuerText, notAfter: $0.notAfter.text, fingerprint: $0.fingerprint)
        }, pem: record.chain)
    }
  }

  private func state(_ now: WallTime) -> CertificateSummary.State {
    if now < leaf.notBefore { return .notYetValid }
    if now > leaf.notAfter { return .expired }
    return isRenewalDue(leaf, now: now) ? .renewalDue : .valid
  }
}

extension StoredRequest {
  var summary: CertificateRequestSummary {
    CertificateRequestSummary(
      id: record.id, names: record.names.map(\.description), services: record.services, key: key.kind.description,
      since: WallTime(seconds: record.since).text, pem: record.request)
  }
}

extension Certificate {
  /// SHA-256, upper case, with colons.
  var fingerprint: String {
    let digits = hexadecimal(SHA256.hash(data: (try? encoded(self)) ?? [])).uppercased()
    return stride(from: 0, to: digits.count, by: 2).map { String(digits.dropFirst($0).prefix(2)) }
      .joined(separator: ":")
  }
}
