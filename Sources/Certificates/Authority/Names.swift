import Services
import SwiftASN1
import WireKit
import X509

extension GeneralName {
  /// A name as it stands in a certificate's subject alternative names.
  init(_ name: CertificateName) {
    if case .address(let address) = name.kind {
      self = .ipAddress(ASN1OctetString(contentBytes: address.octets[...]))
    } else {
      self = .dnsName(name.description)
    }
  }
}

extension CertificateName {
  /// A host name or address of a certificate; `nil` for other kinds of names and for what is none.
  init?(_ name: GeneralName) {
    switch name {
    case .dnsName(let text): self.init(text)
    case .ipAddress(let octets):
      guard let address = IPAddress(octets: octets.bytes) else { return nil }
      self.init(address)
    default: return nil
    }
  }
}

extension Certificate {
  /// The host names and addresses that it is for (RFC 5280 §4.2.1.6); the common name does not count (RFC 9525 §2).
  var names: [CertificateName] {
    guard let names = try? extensions.subjectAlternativeNames else { return [] }
    return names.compactMap { CertificateName($0) }
  }

  var isAuthority: Bool {
    guard let constraints = try? extensions.basicConstraints else { return false }
    if case .isCertificateAuthority = constraints { return true }
    return false
  }

  /// How many authorities may stand below it; `nil` for any number.
  var pathLengthMaximum: Int? {
    guard let constraints = try? extensions.basicConstraints else { return nil }
    if case .isCertificateAuthority(let maximum) = constraints { return maximum }
    return nil
  }

  var notBefore: WallTime { WallTime(notValidBefore) }
  var notAfter: WallTime { WallTime(notValidAfter) }
}
