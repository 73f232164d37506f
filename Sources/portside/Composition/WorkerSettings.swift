import Configuration
import Services
import Supervision

/// What a worker of this program is told, at the start and at every reload.
struct WorkerSettings: Codable, Sendable {
  var configuration: PortsideConfiguration
  /// Where the gate listens for workers.
  var gateSocket: String
  /// The sockets that the worker is given, by the name that they have in its plan.
  var listeners: [String: ListenerDeclaration]
  /// Log lines as JSON, or for people; with colours on a terminal.
  var logsJSON: Bool
  var logsColours: Bool
  /// The key that encrypts stored secrets; for the gate alone.
  var masterKey: Secret?
  /// What seals the host keys of SSH on the disk; for the worker that serves it.
  var hostKeySecret: Secret?
  /// What seals the keys of signed zones on the disk; for the worker that serves them.
  var zoneKeySecret: Secret?
  /// Host names that TLS listeners answer for; for the gate, which sees to their certificates.
  var certificateNames: [CertificateNeed]
  /// The password for `smtp.relay`; for the mail worker alone.
  var relayPassword: Secret?
  /// What seals the keys that sign mail on the disk; for the mail worker.
  var signingSecret: Secret?
  /// The newest versions of what the console has set; for the gate, which keeps the audit trail.
  var versions: [ConfigurationVersion] = []
  /// The secrets of `dns.tsig`, by name; for the names worker alone.
  var transferSecrets: [String: Secret]
  /// When each zone's file was last changed: with another value, a reload reaches the names worker.
  var zoneStamps: [String: String]
  /// The keys of `tls.binding_key` and `tls.acme_server.binding_key`; for the gate alone.
  var acmeBinding: Secret?
  var acmeServerBinding: Secret?
  /// Whether an issuer of tokens is configured; only the gate is told which.
  var acceptsTokens = false
  /// Whether this is `portside try`.
  var isLaboratory: Bool

  /// What happens to connections, in a laboratory.
  var faults: [ServiceName: ConnectionFault] {
    guard isLaboratory else { return [:] }
    return Dictionary(configuration.server.faults.map { ($0.service, $0.fault) }, uniquingKeysWith: { _, last in last })
  }

  /// A certificate that some service needs.
  struct CertificateNeed: Codable, Sendable, Hashable {
    var names: [String]
    /// Empty: for all services.
    var services: Set<ServiceName>
  }
}
