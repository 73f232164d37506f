import SwiftASN1
import X509

/// The certificates that are trusted of themselves.
///
/// They are kept as they came and parsed when one is asked for: a system has some 150 of them.
public struct TrustRoots: Sendable {
  /// Where Debian, Ubuntu, Arch and Alpine, then Fedora and its kin keep them.
  public static let systemPaths = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]

  /// DER, by the subject's own DER.
  private var bySubject: [[UInt8]: [[UInt8]]] = [:]

  public init() {}

  /// The certificates of a PEM file. Those that can't be read are passed over, other blocks too.
  public init(pem: [UInt8]) throws(PEMError) {
    for block in try PEM.blocks(in: pem) where Self.labels.contains(block.label) { add(block.bytes) }
  }

  private static let labels: Set<String> = ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"]

  /// The system's trust store: the first of `paths` that can be read, or none.
  public static func system(paths: [String] = systemPaths) -> TrustRoots {
    for path in paths {
      // Distributions have a symbolic link here, which is the administrator's own.
      guard let target = resolve(path), let file = try? DurableDirectory.readFile(target, limit: PEM.byteCountMaximum),
        let roots = try? TrustRoots(pem: file.bytes)
      else { continue }
      return roots
    }
    return TrustRoots()
  }

  public var isEmpty: Bool { bySubject.isEmpty }

  /// All of them, DER.
  public var certificates: [[UInt8]] { bySubject.values.flatMap { $0 } }

  /// Trusts one more certificate, DER.
  public mutating func add(_ der: [UInt8]) {
    guard let outline = try? CertificateOutline(der: der) else { return }
    bySubject[outline.subject, default: []].append(der)
  }

  public mutating func add(_ other: TrustRoots) {
    bySubject.merge(other.bySubject) { $0 + $1 }
  }

  func contains(_ der: [UInt8], subject: [UInt8]) -> Bool {
    bySubject[subject]?.contains(der) ?? false
  }

  /// Those with this subject.
  func certificates(subject: [UInt8]) -> [ParsedCertificate] {
    (bySubject[subject] ?? []).compactMap { der in
      guard let outline = try? CertificateOutline(der: der), let certificate = try? Certificate(derEncoded: der) else {
        return nil
      }
      return ParsedCertificate(outline: outline, certificate: certificate)
    }
  }
}
