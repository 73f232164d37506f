import Configuration
import DNSCore
import Foundation
import Services
import WireKit

/// Asks one configured service of this machine through its own client: for `portside check`.
struct ServiceProbe: Sendable {
  let configuration: PortsideConfiguration
  let declaration: ListenerDeclaration
  let endpoint: Endpoint
  let authorityFile: String

  /// Where a client on this machine reaches a socket: the wildcard address means loopback.
  static func reachable(_ endpoint: Endpoint) -> Endpoint {
    guard endpoint.address.isUnspecified else { return endpoint }
    return Endpoint(
      endpoint.address.family == .v4 ? IPAddress(127, 0, 0, 1) : IPAddress(v6: 1), endpoint.port)
  }

  /// The answer in a few words; throws why there is none.
  func run() async throws -> String {
    let report = await (try probe()).run()
    if let failure = report.failure { throw CommandFailure(failure) }
    return report.steps.filter { ["TLS", "answer"].contains($0.name) }
      .map { step in "\(step.name) \(step.result)" + (step.milliseconds.map { " in \($0) ms" } ?? "") }
      .joined(separator: ", ")
  }

  /// Bound to its interface, a server hears only what comes from there: it is asked by broadcast. On loopback and on other
  /// ports it answers as to a relay.
  private func dhcpProbe() throws -> any Probe {
    if endpoint.address.isLoopback || endpoint.port != 67 {
      return try Probes.probe("dhcp://\(endpoint)", ProbeOptions())
    }
    guard let interface = NetworkInterfaces.name(of: endpoint.address) else {
      throw CommandFailure("no interface has the address \(endpoint.address)")
    }
    return try DHCPProbe("dhcp://\(interface)", from: endpoint.address)
  }

  private func probe() throws -> any Probe {
    var options = ProbeOptions()
    if FileManager.default.fileExists(atPath: authorityFile) { options.trustRoots = try TrustFile.read(authorityFile) }
    let place = endpoint.description
    switch declaration.service {
    case .dns:
      let zone = configuration.dns.zones.first?.name.description ?? "."
      let scheme = declaration.transport == .tcp ? "dns+tcp" : "dns"
      return try Probes.probe("\(scheme)://\(place)/\(zone)/SOA", options)
    case .dot: return try Probes.probe("dns+tls://\(place)", options)
    case .http: return try Probes.probe("http://\(place)/", options)
    case .https: return try Probes.probe("https://\(place)/", options)
    case .ssh:
      options.hostKeys = SSHHostKeys.publicKeys(DataFolder(configuration).hostKeys)
      return try Probes.probe("ssh://\(place)", options)
    case .admin where declaration.section == "metrics": return try Probes.probe("http://\(place)/metrics", options)
    case .admin:
      return try Probes.probe("\(declaration.tls == .implicit ? "https" : "http")://\(place)/login", options)
    case .telnet:
      let isPlain = configuration.telnet.acceptsPlaintext(from: endpoint.address)
      let scheme = declaration.tls == .implicit ? "telnets" : isPlain ? "telnet" : "telnet+tls"
      return try Probes.probe("\(scheme)://\(place)", options)
    case .dhcp: return try dhcpProbe()
    case .smtp, .submission, .submissions, .imap, .imaps, .pop3, .pop3s, .ftp, .ftps, .rdp, .tftp, .sieve, .lmtp:
      return try Probes.probe("\(declaration.service.rawValue)://\(place)", options)
    default: throw CommandFailure("there is no client for \(declaration.service.rawValue) yet")
    }
  }
}
