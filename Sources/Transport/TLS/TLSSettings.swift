import NIOSSL
import Services

/// `TLSPolicy` in NIOSSL's terms.
public enum TLSSettings {
  /// A server's configuration with this chain and key.
  static func server(
    chain: [NIOSSLCertificate], key: NIOSSLPrivateKey, applicationProtocols: [String],
    policy: TLSPolicy = .standard
  ) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    apply(policy, to: &configuration)
    configuration.applicationProtocols = applicationProtocols
    return configuration
  }

  /// Puts the policy into force. BoringSSL compresses nothing, and never renegotiates as a server.
  public static func apply(_ policy: TLSPolicy, to configuration: inout TLSConfiguration) {
    configuration.minimumTLSVersion = version(policy.oldest)
    configuration.maximumTLSVersion = version(policy.newest)
    configuration.cipherSuites = policy.openSSLCipherString
    configuration.curves = policy.groups.map { NIOTLSCurve(rawValue: $0.number) }
    configuration.renegotiationSupport = policy.allowsRenegotiation ? .always : .none
  }

  private static func version(_ version: TLSPolicy.Version) -> TLSVersion {
    switch version {
    case .tls12: .tlsv12
    case .tls13: .tlsv13
    }
  }
}
