import Services
import WireKit

/// A section that makes a service listen.
public protocol ServiceSection: ConfigurationRecord {
  /// Whether the service runs, as far as `on` names a place for it.
  var enabled: Bool { get set }
  /// The groups of addresses that it listens on.
  var on: [ConfigurationName] { get set }
  /// What it listens for.
  static var ports: [ServicePort<Self>] { get }
}

extension ServiceSection {
  /// Whether it listens anywhere.
  public var isActive: Bool { enabled && !on.isEmpty }
}

/// One port of a section: which key sets it, and what is spoken there.
public struct ServicePort<Section: Sendable>: Sendable {
  public let service: ServiceName
  public let key: String
  let place: any WritableKeyPath<Section, ListenPort> & Sendable
  public let transports: [ListenerDeclaration.TransportKind]
  public let tls: ListenerDeclaration.TLSMode
  /// The only family of addresses that it is for; `nil` for both.
  var family: IPAddress.Family? = nil
}

extension ServiceSection {
  /// Puts every port through a function.
  mutating func mapPorts(_ change: (ServiceName, ListenPort) -> ListenPort) {
    for port in Self.ports { self[keyPath: port.place] = change(port.service, self[keyPath: port.place]) }
  }
}

extension PortsideConfiguration {
  /// Puts every port of every service through a function, as a laboratory does that moves them all.
  public mutating func mapPorts(_ change: (ServiceName, ListenPort) -> ListenPort) {
    metrics.mapPorts(change)
    admin.mapPorts(change)
    dns.mapPorts(change)
    dhcp.mapPorts(change)
    tftp.mapPorts(change)
    smtp.mapPorts(change)
    imap.mapPorts(change)
    pop3.mapPorts(change)
    sieve.mapPorts(change)
    http.mapPorts(change)
    ssh.mapPorts(change)
    ftp.mapPorts(change)
    telnet.mapPorts(change)
    for name in telnet.lines.keys {
      if let port = telnet.lines[name]?.port { telnet.lines[name]?.port = change(.telnet, port) }
    }
    rdp.mapPorts(change)
  }
}

/// A section whose service logs people in, and refuses to without TLS unless told otherwise (`security.md`).
public protocol PlaintextSection: ServiceSection {
  /// Whether log-in without TLS is accepted: from loopback, and from `plaintextNetworks`.
  var plaintext: Bool { get set }
  /// From where else than loopback.
  var plaintextNetworks: [IPNetwork] { get set }
}

extension PlaintextSection {
  /// Whether this peer may log in without TLS.
  public func acceptsPlaintext(from peer: IPAddress) -> Bool {
    plaintext && (peer.isLoopback || plaintextNetworks.contains { $0.contains(peer) })
  }

  func plaintextProblems() -> [Problem] {
    if !plaintext, !plaintextNetworks.isEmpty {
      return [
        Problem(
          ConfigurationPath("plaintext_networks"), "has no effect while plaintext is false", severity: .warning,
          basis: [ConfigurationPath("plaintext")])
      ]
    }
    return plaintextNetworks.enumerated().filter { $0.element.prefixLength == 0 }.map { index, network in
      Problem(
        ConfigurationPath("plaintext_networks").appending(index: index),
        "\(network) is every address: passwords would cross any network in plain text",
        hint: "name the networks that are meant")
    }
  }
}

extension Schema where Record: ServiceSection {
  /// `enabled`, `on` and one key per port.
  mutating func service(_ name: String) {
    key(
      "enabled", \.enabled, .flag, "Whether \(name) runs.",
      details: "It runs where `on` says; without `on` it runs nowhere.", example: "true")
    key(
      "on", \.on, .list(.text(), count: 0...64), "The groups of addresses of `[listen]` that \(name) listens on.",
      example: "[\"lan\"]")
  }

  /// The key of one of the section's ports.
  mutating func port(_ name: String, _ meaning: String, details: String? = nil) {
    guard let port = Record.ports.first(where: { $0.key == name }) else {
      preconditionFailure("\(name) is not among the ports of \(Record.self)")
    }
    key(
      name, port.place, .port, meaning, details: details ?? "0 takes any free port, `\"off\"` none.",
      example: "\(port.service.standardPort.map(String.init) ?? "0")")
  }
}

extension Schema where Record: PlaintextSection {
  /// `plaintext` and `plaintext_networks`.
  mutating func plaintext() {
    key(
      "plaintext", \.plaintext, .flag, "Whether log-in without TLS is accepted.",
      details: "Only from loopback, and from the networks that `plaintext_networks` names.", example: "false")
    key(
      "plaintext_networks", \.plaintextNetworks, .list(.text()), "From where log-in without TLS is accepted.",
      details: "Loopback needs no mention. Has an effect only with `plaintext = true`.",
      example: "[\"192.168.10.0/24\"]", isAlternative: true)
  }
}
