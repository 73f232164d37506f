import Services
import SwiftASN1
import X509

/// Builds certificate signing requests (PKCS#10, RFC 2986) for an outside authority.
public struct CertificateRequestBuilder: Sendable {
  public var names: [CertificateName]
  /// The organisation in the subject, if the authority wants one.
  public var organisation: String?

  public init(names: [CertificateName], organisation: String? = nil) {
    self.names = names
    self.organisation = organisation
  }

  /// The request as PEM, signed by the key that the certificate will be for.
  public func request(for key: ServerKey) throws(AuthorityError) -> String {
    guard !names.isEmpty else { throw .noNames }
    do {
      let common = names.map(\.description).first { $0.utf8.count <= 64 }
      let subject = try DistinguishedName {
        if let organisation { OrganizationName(String(organisation.prefix(64))) }
        if let common { CommonName(common) }
      }
      let extensions = try Certificate.Extensions {
        SubjectAlternativeNames(names.map { GeneralName($0) })
        KeyUsage(digitalSignature: true)
        try ExtendedKeyUsage([.serverAuth])
      }
      let request = try CertificateSigningRequest(
        version: .v1, subject: subject, privateKey: key.signing,
        attributes: CertificateSigningRequest.Attributes([.init(ExtensionRequest(extensions: extensions))]))
      return PEMBlock(label: "CERTIFICATE REQUEST", bytes: try encoded(request)).text
    } catch {
      throw .signing("\(error)")
    }
  }
}
