import Configuration
import Foundation
import Services
import Supervision

/// What `portside try` says once everything answers: a table, or one line of JSON.
struct LaboratoryReport: Encodable {
  struct Service: Encodable {
    var name: String
    var transport: String
    var address: String
    var port: UInt16
    var tls: String
    var url: String
  }

  struct Account: Encodable {
    var name: String
    var password: String
    var sshKey: String?
    var roles: [String]

    enum CodingKeys: String, CodingKey {
      case name, password, roles
      case sshKey = "ssh_key"
    }
  }

  let event: String
  let data: String
  let domain: String
  let ca: String
  let services: [Service]
  let accounts: [Account]
  /// What is wrong, where something is.
  let failure: String?

  init(_ laboratory: Laboratory, _ composition: Composition, _ status: SupervisorStatus) {
    data = laboratory.path
    domain = Laboratory.domain
    ca = composition.folder.authorityFile
    let declarations = Dictionary(
      composition.configuration.listeners().map { (Composition.socketName($0), $0) }
    ) { first, _ in first }
    services = status.workers.flatMap(\.sockets).compactMap { socket in
      guard let declaration = declarations[socket.name], let endpoint = socket.place.endpoint else { return nil }
      return Self.service(declaration, endpoint.address.description, endpoint.port)
    }.flatMap { Self.withDNS($0, composition.configuration) }.sorted {
      ($0.name, $0.transport) < ($1.name, $1.transport)
    }
    accounts = laboratory.people.map {
      Account(name: $0.name, password: $0.password, sshKey: $0.sshKey, roles: $0.roles)
    }
    let broken = status.workers.filter { $0.state != .ready }
    failure =
      broken.isEmpty
      ? nil
      : broken.map { "worker \($0.name) is \($0.state.rawValue): \($0.remark ?? $0.lastExit ?? "no reason given")" }
        .joined(separator: "; ")
    event = broken.isEmpty ? "ready" : "failed"
  }

  /// HTTPS has DNS at a path of its own (RFC 8484).
  private static func withDNS(_ service: Service, _ configuration: PortsideConfiguration) -> [Service] {
    guard service.name == ServiceName.https.rawValue, DNSOverHTTPS.isWanted(configuration) else { return [service] }
    var names = service
    names.name = ServiceName.doh.rawValue
    names.url = "https://\(service.address):\(service.port)\(DNSOverHTTPS.path)"
    return [service, names]
  }

  private static func service(_ declaration: ListenerDeclaration, _ address: String, _ port: UInt16) -> Service {
    let place = "\(address):\(port)"
    let url =
      switch declaration.service {
      case .http: "http://\(place)/"
      case .https: "https://\(place)/"
      case .dns: "dns://\(place)/www.\(Laboratory.domain)/A"
      case .dot: "dns+tls://\(place)/www.\(Laboratory.domain)/A"
      case .ssh: "ssh://\(place)"
      case .ftp, .ftps: "\(declaration.service.rawValue)://\(place)/"
      case .tftp: "tftp://\(place)/boot.ipxe"
      case .admin where declaration.section == "metrics": "http://\(place)/metrics"
      case .admin: "https://\(place)/"
      case .telnet: "\(declaration.tls == .implicit ? "telnets" : "telnet")://\(place)"
      default: "\(declaration.service.rawValue)://\(place)"
      }
    return Service(
      name: declaration.section == "metrics" ? "metrics" : declaration.service.rawValue,
      transport: declaration.transport.rawValue, address: address, port: port,
      tls: declaration.tls.rawValue, url: url)
  }

  /// The table for people.
  var text: String {
    var table = Table("service", "transport", "tls", "URL")
    for service in services { table.add(service.name, service.transport, service.tls, service.url) }
    var people = Table("account", "password", "roles", "ssh key")
    for account in accounts {
      people.add(account.name, account.password, account.roles.joined(separator: ", "), account.sshKey ?? "-")
    }
    return """
      \(table.text)
      \(people.text)
      The private authority's certificate: \(ca)
      Try:
        curl --cacert \(ca) \(example(.https))
        dig @127.0.0.1 -p \(port(.dns)) www.\(domain)
        curl --cacert \(ca) --ssl-reqd -u \(accounts.first?.name ?? "") \(example(.ftp))
        sftp -P \(port(.ssh)) -i \(accounts.first?.sshKey ?? "KEY") \(accounts.first?.name ?? "")@127.0.0.1
        swaks --server 127.0.0.1:\(port(.submission)) --tls --auth-user ann --from ann@\(domain) --to bob@\(domain)
      Stop with Control-C.

      """
  }

  private func port(_ name: ServiceName) -> UInt16 { services.first { $0.name == name.rawValue }?.port ?? 0 }
  private func example(_ name: ServiceName) -> String { services.first { $0.name == name.rawValue }?.url ?? "" }
}
