import Services
import WireKit

/// One socket that the configuration asks for.
public struct ListenerDeclaration: Hashable, Sendable, Codable {
  public enum TransportKind: String, Hashable, Sendable, Codable {
    case tcp, udp
  }

  /// How TLS begins, in the words of `try --json`.
  public enum TLSMode: String, Hashable, Sendable, Codable {
    case none, starttls, implicit
  }

  public var service: ServiceName
  public var transport: TransportKind
  public var endpoint: Endpoint
  public var tls: TLSMode
  /// The group of `[listen]` that the address comes from.
  public var group: ConfigurationName
  /// The section and the key that ask for it: `imap.tls_port`.
  public var section: String
  public var key: String
}

extension PortsideConfiguration {
  /// Every socket that is asked for, in the order of sections, ports, groups and addresses. Groups that `[listen]` lacks
  /// contribute nothing; `problems` complains about them.
  public func listeners() -> [ListenerDeclaration] { serviceSections().flatMap { $0.listeners(listen) } }

  /// The sections that listen, without their types.
  func serviceSections() -> [AnyServiceSection] {
    [
      AnyServiceSection("metrics", metrics), AnyServiceSection("admin", plain: admin), AnyServiceSection("dns", dns),
      AnyServiceSection("dhcp", dhcp), AnyServiceSection("tftp", tftp), AnyServiceSection("smtp", plain: smtp),
      AnyServiceSection("imap", plain: imap), AnyServiceSection("pop3", plain: pop3),
      AnyServiceSection("sieve", plain: sieve),
      AnyServiceSection("http", plain: http), AnyServiceSection("ssh", ssh), AnyServiceSection("ftp", plain: ftp),
      AnyServiceSection("telnet", plain: telnet).adding(telnet.lines), AnyServiceSection("rdp", rdp),
    ]
  }
}

/// A service's section with its type taken off, for the checks that all of them share.
struct AnyServiceSection {
  let name: String
  let enabled: Bool
  let on: [ConfigurationName]
  let plaintext: Bool
  let plaintextNetworks: [IPNetwork]
  /// Every service that it provides, whether its port is off or not.
  let services: Set<ServiceName>
  /// Whether TLS is spoken on any of its ports, from the start or later.
  let usesTLS: Bool
  private var ports: [Port]

  /// A port that is not off.
  private struct Port {
    var service: ServiceName
    var key: String
    var number: UInt16
    var transports: [ListenerDeclaration.TransportKind]
    var tls: ListenerDeclaration.TLSMode
    var family: IPAddress.Family?
  }

  init<Section: ServiceSection>(_ name: String, _ section: Section) {
    self.init(name, section, plaintext: false, networks: [])
  }

  init<Section: PlaintextSection>(_ name: String, plain section: Section) {
    self.init(name, section, plaintext: section.plaintext, networks: section.plaintextNetworks)
  }

  private init<Section: ServiceSection>(
    _ name: String, _ section: Section, plaintext: Bool, networks: [IPNetwork]
  ) {
    self.name = name
    enabled = section.enabled
    on = section.on
    self.plaintext = plaintext
    plaintextNetworks = networks
    services = Set(Section.ports.map(\.service))
    ports = Section.ports.compactMap { port in
      guard case .number(let number) = section[keyPath: port.place] else { return nil }
      return Port(
        service: port.service, key: port.key, number: number, transports: port.transports, tls: port.tls,
        family: port.family)
    }
    usesTLS = ports.contains { $0.tls != .none }
  }

  var isActive: Bool { enabled && !on.isEmpty }

  /// With the ports of serial lines, whose keys are `lines.NAME`.
  func adding(_ lines: [ConfigurationName: TelnetLine]) -> AnyServiceSection {
    var section = self
    for (name, line) in lines.sorted(by: { $0.key.description < $1.key.description }) {
      guard case .number(let number) = line.port else { continue }
      section.ports.append(
        Port(service: .telnet, key: "lines.\(name)", number: number, transports: [.tcp], tls: .none, family: nil))
    }
    return section
  }

  func listeners(_ groups: [ConfigurationName: [IPAddress]]) -> [ListenerDeclaration] {
    guard enabled else { return [] }
    var result: [ListenerDeclaration] = []
    for port in ports {
      for group in on {
        for address in groups[group] ?? [] where port.family == nil || port.family == address.family {
          result += port.transports.map {
            ListenerDeclaration(
              service: port.service, transport: $0, endpoint: Endpoint(address, port.number), tls: port.tls,
              group: group, section: name, key: port.key)
          }
        }
      }
    }
    return result
  }
}
