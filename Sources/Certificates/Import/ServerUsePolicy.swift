@_spi(DisableValidityCheck) import X509
import SwiftASN1

/// Tells the verifier that the critical extensions on names and uses are understood: `CertificateImport` enforces them
/// itself, to say what is wrong in each case.
struct ServerUsePolicy: VerifierPolicy {
  let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
    .X509ExtensionID.extendedKeyUsage, .X509ExtensionID.subjectAlternativeName, .X509ExtensionID.keyUsage,
  ]

  mutating func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) async -> PolicyEvaluationResult {
    .meetsPolicy
  }
}

/// Whether a chain, leaf first and root last, keeps RFC 5280's rules on constraints, versions, critical extensions and
/// uses; `nil` when it does, otherwise the reason. Times are judged elsewhere.
func policyFailure(of chain: [Certificate]) async -> String? {
  guard let leaf = chain.first, let root = chain.last else { return "there is no chain" }
  var verifier = Verifier(rootCertificates: X509.CertificateStore([root])) {
    RFC5280Policy.withValidityCheckDisabled()
    ServerUsePolicy()
  }
  switch await verifier.validate(leaf: leaf, intermediates: X509.CertificateStore(chain.dropFirst().dropLast())) {
  case .validCertificate: return nil
  case .couldNotValidate(let failures):
    guard let failure = failures.first else { return "a critical extension is not understood" }
    // Some reasons quote whole certificates.
    return printable(String("\(failure.policyFailureReason)".prefix(200)))
  }
}
