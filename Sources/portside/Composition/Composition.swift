import Configuration
import Foundation
import Services
import Supervision
import SystemSessions

/// Turns a configuration into what the supervisor runs.
struct Composition: Sendable {
  let configuration: PortsideConfiguration
  let folder: DataFolder
  let masterKey: Secret
  /// Whom the workers become when this process is root; `nil` when it is not, or in a laboratory.
  let user: UserAndGroup?
  let isLaboratory: Bool
  var logsJSON: Bool
  var logsColours: Bool
  /// The newest versions of what the console has set.
  var versions: [ConfigurationVersion] = []

  init(_ configuration: PortsideConfiguration, isLaboratory: Bool) throws {
    self.configuration = configuration
    self.isLaboratory = isLaboratory
    folder = DataFolder(configuration)
    user = isLaboratory ? nil : try Self.serviceUser(configuration)
    try folder.prepare(for: user)
    masterKey = try MasterKey.load(configuration)
    let isTerminal = isatty(STDERR_FILENO) == 1
    logsJSON = configuration.log.format == .json || configuration.log.format == .auto && !isTerminal && !isLaboratory
    logsColours = isTerminal
  }

  /// Sections that are configured and that this version can't serve, with what they ask for.
  var missing: [ListenerDeclaration] { configuration.listeners().filter { WorkerName.running($0) == nil } }

  /// The plan: the gate, and every worker that has something to listen on.
  func plan() throws -> SupervisionPlan {
    var workers = [try gate()]
    for name in WorkerName.allCases where name != .gate {
      let listeners = configuration.listeners().filter { WorkerName.running($0) == name }
      if !listeners.isEmpty { workers.append(try worker(name, listeners)) }
    }
    return SupervisionPlan(workers, helper: try sessionHelper())
  }

  /// What has sessions of the operating system's accounts; `nil` where none are configured.
  private func sessionHelper() throws -> HelperPlan? {
    guard configuration.ssh.enabled, configuration.ssh.shell == .system else { return nil }
    guard geteuid() == 0 else {
      throw CommandFailure("ssh.shell: sessions of the system's accounts need a server that root has started")
    }
    return HelperPlan(
      socket: SocketPlan(
        name: "sessions", place: .unixStream(path: folder.sessionSocket), mode: 0o600, owner: user?.name),
      arguments: ["portside", "system-session"], secret: SessionTicket.key(from: masterKey))
  }

  private func gate() throws -> WorkerPlan {
    let listeners = configuration.listeners().filter { WorkerName.running($0) == .gate }
    var plan = try worker(.gate, listeners)
    plan.sockets += [
      SocketPlan(
        name: SocketNames.gate, place: .unixStream(path: folder.gateSocket), mode: 0o600, owner: user?.name),
      SocketPlan(name: SocketNames.web, place: .unixStream(path: folder.webSocket), mode: 0o600, owner: user?.name),
      SocketPlan(name: SocketNames.admin, place: .unixStream(path: folder.adminSocket), mode: 0o600),
    ]
    return plan
  }

  private func worker(_ name: WorkerName, _ listeners: [ListenerDeclaration]) throws -> WorkerPlan {
    let named = listeners.map { (name: Self.socketName($0), declaration: $0) }
    let settings = WorkerSettings(
      configuration: configuration.concerning(name), gateSocket: folder.gateSocket,
      listeners: Dictionary(named.map { ($0.name, $0.declaration) }) { first, _ in first }, logsJSON: logsJSON,
      logsColours: logsColours, masterKey: name == .gate ? masterKey : nil,
      hostKeySecret: SSHHosting.worker == name ? SSHHostKeys.secret(from: masterKey) : nil,
      zoneKeySecret: DNSHosting.worker == name ? SealedZoneKeys.secret(from: masterKey) : nil,
      certificateNames: name == .gate ? certificateNeeds : [],
      relayPassword: name == .mail ? try relayPassword() : nil,
      signingSecret: SMTPHosting.worker == name ? SigningKeys.secret(from: masterKey) : nil,
      versions: name == .gate ? versions : [],
      transferSecrets: name == .names ? try transferSecrets() : [:],
      zoneStamps: name == .names ? zoneStamps : [:],
      acmeBinding: name == .gate ? try secret(configuration.tls.bindingKey, "tls.binding_key") : nil,
      acmeServerBinding: name == .gate
        ? try secret(configuration.tls.acmeServer?.bindingKey, "tls.acme_server.binding_key") : nil,
      acceptsTokens: name == .mail && !configuration.auth.tokens.isEmpty, isLaboratory: isLaboratory)
    // The same settings have the same bytes: a reload tells only those workers whose bytes differ.
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return WorkerPlan(
      name: name, sockets: named.map { socket(named: $0.name, $0.declaration) } + internalSockets(name),
      configuration: [UInt8](try encoder.encode(settings)), confinement: confinement(name))
  }

  private func internalSockets(_ name: WorkerName) -> [SocketPlan] {
    HostedServices.of(name).filter(isWanted).flatMap {
      $0.internalSockets(configuration, in: folder, owner: user?.name)
    }
  }

  private func secret(_ reference: SecretReference?, _ place: String) throws -> Secret? {
    do { return try reference?.resolve(using: SystemSecretReader()) } catch {
      throw CommandFailure("\(place): \(error)")
    }
  }

  /// What tells one version of a zone's file from another. Files that it includes stand in the same folder.
  private var zoneStamps: [String: String] {
    guard configuration.dns.isActive else { return [:] }
    var stamps: [String: String] = [:]
    for zone in configuration.dns.zones where zone.from.isEmpty {
      let path = folder.zoneFile(zone)
      let names = [path, String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])]
      stamps["\(zone.name) \(path)"] = names.map { name in
        var status = stat()
        guard stat(name, &status) == 0 else { return "-" }
        return "\(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
      }.joined(separator: " ")
    }
    return stamps
  }

  private func transferSecrets() throws -> [String: Secret] {
    let updates = configuration.dhcp.isActive ? configuration.dhcp.update : []
    guard configuration.dns.isActive || !updates.isEmpty else { return [:] }
    var secrets: [String: Secret] = [:]
    for key in configuration.dns.tsig {
      do { secrets[key.name.description] = try key.secret.resolve(using: SystemSecretReader()) } catch {
        throw CommandFailure("dns.tsig: \(key.name): \(error)")
      }
    }
    // Those of `portside zone key`.
    let dns = configuration.dns
    let named =
      dns.transfer.compactMap(\.key) + dns.update.compactMap(\.key.shared) + dns.zones.compactMap(\.key)
      + updates.compactMap(\.key)
    for name in named.map(\.name.description) where secrets[name] == nil {
      let path = folder.transferKey(name)
      guard FileManager.default.fileExists(atPath: path), let file = try? AbsolutePath(configuration: path) else {
        continue
      }
      do { secrets[name] = try SecretReference.file(file).resolve(using: SystemSecretReader()) } catch {
        throw CommandFailure("the key \(name): \(error)")
      }
    }
    return secrets
  }

  private func relayPassword() throws -> Secret? {
    guard let reference = configuration.smtp.relay.password else { return nil }
    do { return try reference.resolve(using: SystemSecretReader()) } catch {
      throw CommandFailure("smtp.relay.password: \(error)")
    }
  }

  private func socket(named name: String, _ declaration: ListenerDeclaration) -> SocketPlan {
    var plan =
      switch declaration.transport {
      case .tcp: SocketPlan(name: name, place: .tcp(declaration.endpoint))
      // One socket for each core: the kernel spreads the queries.
      case .udp:
        SocketPlan(
          name: name, place: .udp(declaration.endpoint),
          count: min(64, max(1, ProcessInfo.processInfo.activeProcessorCount)))
      }
    HostedServices.hosting(declaration)?.shape(&plan, for: declaration)
    return plan
  }

  static func socketName(_ declaration: ListenerDeclaration) -> String {
    "\(declaration.section).\(declaration.key) \(declaration.transport.rawValue) \(declaration.endpoint)"
  }

  /// What each worker may touch: its own files, and nothing of the others'.
  private func confinement(_ name: WorkerName) -> Confinement {
    var confinement = Confinement(user: user?.name, connectPorts: [])
    if name == .gate { confinement.writePaths = [folder.store, folder.certificates, folder.authority] }
    if name == .gate { CertificateOrders.confine(&confinement, for: configuration) }
    if name == .gate { TokenIssuers.confine(&confinement, for: configuration.auth) }
    // Its folder, since a list is replaced as a whole.
    if name == .gate, let list = configuration.auth.sshRevoked?.description {
      confinement.readPaths.append(String(list[..<(list.lastIndex(of: "/") ?? list.endIndex)]))
    }
    for service in HostedServices.of(name) where isWanted(service) {
      service.confine(&confinement, for: configuration, in: folder)
    }
    return confinement
  }

  private func isWanted(_ service: any HostedService.Type) -> Bool {
    configuration.listeners().contains { HostedServices.hosting($0) == service }
  }

  private static func serviceUser(_ configuration: PortsideConfiguration) throws -> UserAndGroup? {
    guard geteuid() == 0 else { return nil }
    let name = configuration.server.user?.description ?? "portside"
    guard let user = UserAndGroup(name) else {
      throw CommandFailure(
        "server.user: there is no user '\(name)' for the workers to run as; make it "
          + "(useradd --system --home-dir / --shell /usr/sbin/nologin \(name)) or name another")
    }
    guard user.user != 0 else { throw CommandFailure("server.user: the workers can't run as root") }
    return user
  }

  /// One certificate for everything; or, with `per_service_names`, one for each service with the names that are its own, so
  /// that a certificate of one protocol opens no other.
  private var certificateNeeds: [WorkerSettings.CertificateNeed] {
    let listeners = configuration.listeners().filter { $0.tls != .none && WorkerName.running($0) != nil }
    guard !listeners.isEmpty else { return [] }
    let hostname = configuration.server.hostname.description
    let sites = Self.unique(
      configuration.http.sites.keys.map(\.description).sorted() + MailSetupSite.names(configuration))
    let addresses = Set(listeners.map(\.endpoint.address)).filter { !$0.isUnspecified }.sorted()
    let local = addresses.map(\.description) + (addresses.contains(where: \.isLoopback) ? ["localhost"] : [])
    guard configuration.tls.perServiceNames else {
      return [.init(names: Self.unique([hostname] + sites + local), services: [])]
    }
    return Set(listeners.map(\.service)).sorted { $0.rawValue < $1.rawValue }.map { service in
      let own = service == .https && !sites.isEmpty ? sites : [hostname]
      return .init(names: Self.unique(own + local), services: [service])
    }
  }

  private static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}

extension PortsideConfiguration {
  /// Only what a worker has to do with, so that a reload that concerns others does not reach it.
  func concerning(_ worker: WorkerName) -> PortsideConfiguration {
    var part = PortsideConfiguration()
    part.server = server
    part.limits = limits
    part.log = log
    part.proxyProtocol = proxyProtocol
    if worker == .gate {
      part.auth = auth
      part.roles = roles
      part.tls = tls
      part.metrics = metrics
      part.admin = admin
    }
    for service in HostedServices.of(worker) { service.share(self, with: &part) }
    return part
  }
}

/// The names of the gate's own sockets in its plan.
enum SocketNames {
  static let gate = "gate"
  static let admin = "admin"
  static let web = "web"
}
