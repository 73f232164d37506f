import Services

/// Why a command on the certificates failed. The text is for people, and says what to do.
public enum CertificateStoreError: Error, Hashable, Sendable {
  case notFound(String)
  /// Several certificates have this name; their ids.
  case ambiguous(String, ids: [String])
  /// A text that is no host name, wildcard or address.
  case badName(String)
  /// The import was refused: all that was found.
  case refused([CertificateFinding])
  /// Somebody else issues this certificate.
  case notRenewable(id: String, origin: CertificateOrigin)
  case authority(AuthorityError)
  case encryption(KeyEncryptionError)
  case key(KeyReadingError)
  /// A file that can't be used.
  case broken(BrokenEntry)
  /// The disk or the directory failed.
  case storage(String)

  init(_ error: any Error) {
    switch error {
    case let error as CertificateStoreError: self = error
    case let error as AuthorityError: self = .authority(error)
    case let error as KeyEncryptionError: self = .encryption(error)
    case let error as KeyReadingError: self = .key(error)
    default: self = .storage("\(error)")
    }
  }
}

extension CertificateStoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notFound(let reference): "there is no certificate '\(printable(reference))'; portside cert list shows them"
    case .ambiguous(let reference, let ids):
      "several certificates are for '\(printable(reference))'; name one by its id: \(ids.joined(separator: ", "))"
    case .badName(let name):
      "'\(printable(name))' is no host name, wildcard (*.example.org) or address; write an international name in its "
        + "xn-- form"
    case .refused(let findings):
      findings.filter { $0.severity == .refusal }.map(\.description).joined(separator: "\n")
    case .notRenewable(let id, let origin):
      "\(id) can't be renewed here, as its origin is '\(origin.rawValue)'; make a request (portside cert request), and "
        + "import what the authority sends"
    case .authority(let error): error.description
    case .encryption(let error): error.description
    case .key(let error): error.description
    case .broken(let entry): "\(entry.file) can't be used: \(entry.reason)"
    case .storage(let diagnosis): "the certificates' directory failed: \(diagnosis)"
    }
  }
}
