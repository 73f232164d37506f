/// What a server's session is made from.
public struct ServerSessionConfiguration: Sendable {
  public var hostKeys: [PrivateKey]
  /// Certificates of these keys, for clients that know an authority instead of the keys (PROTOCOL.certkeys).
  public var hostCertificates: [KeyCertificate] = []
  public var algorithms: AlgorithmPreferences
  public var policy: AuthenticationPolicy
  public var limits: SSHLimits
  /// Environment variables that clients may set; `*` at the end stands for any rest.
  public var acceptedEnvironment: [String]
  /// The software's name in the identification: US-ASCII without spaces or hyphens.
  public var software: String

  public init(
    hostKeys: [PrivateKey], algorithms: AlgorithmPreferences = .init(), policy: AuthenticationPolicy = .init(),
    limits: SSHLimits = .init(), acceptedEnvironment: [String] = ["LANG", "LC_*", "COLORTERM", "NO_COLOR"],
    software: String = "Portside"
  ) {
    self.hostKeys = hostKeys
    self.algorithms = algorithms
    self.policy = policy
    self.limits = limits
    self.acceptedEnvironment = acceptedEnvironment
    self.software = software
  }

  func accepts(variable name: String) -> Bool {
    guard !name.isEmpty, name.utf8.allSatisfy({ $0 != 0 && $0 != 0x3D }) else { return false }
    return acceptedEnvironment.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
  }
}
