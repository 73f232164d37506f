import Configuration
import DHCPCore
import DHCPServer
import DNSCore
import Foundation
import Operation
import Services
import Stores
import Supervision
import Synchronization
import WireKit

/// DHCP: addresses for machines. Its leases have a database of their own, which this worker alone writes while it runs.
final class DHCPHosting: HostedService {
  static let worker = WorkerName.names
  static let services: Set<ServiceName> = [.dhcp]

  private let surroundings: WorkerSurroundings
  private let folder: DataFolder
  let store: JournalLeaseStore
  private let server: DHCPServer
  let configuration: Mutex<PortsideConfiguration>
  private let v6: DHCPv6Server
  /// When the command line last changed something here (`DataFolder.leaseMark`).
  private let mark = Mutex<Date?>(nil)

  private init(
    _ surroundings: WorkerSurroundings, _ folder: DataFolder, _ store: JournalLeaseStore, _ server: DHCPServer,
    _ v6: DHCPv6Server, _ configuration: PortsideConfiguration
  ) {
    self.surroundings = surroundings
    self.folder = folder
    self.store = store
    self.server = server
    self.v6 = v6
    self.configuration = Mutex(configuration)
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    part.dhcp = whole.dhcp
    // `siaddr` is our TFTP address, where nothing else is said.
    part.listen = whole.listen
    part.tftp = whole.tftp
    if !whole.dhcp.update.isEmpty { part.dns.tsig = whole.dns.tsig }
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    confinement.writePaths.append(folder.leases)
    // For clients that have no address yet, and to ask whether an address is taken.
    if !confinement.capabilities.contains(.netRaw) { confinement.capabilities.append(.netRaw) }
  }

  static func shape(_ plan: inout SocketPlan, for declaration: ListenerDeclaration) {
    plan.count = 1
    plan.takesBroadcasts = declaration.endpoint.port == 67 || declaration.key != "port"
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let folder = DataFolder(settings.configuration)
    let (policy, reserved) = try policy(settings.configuration, folder)
    configureNames(settings.configuration, reserved, folder, surroundings)
    let meters = surroundings.context.meters
    let store = try await LeaseFolder.open(
      folder, at: surroundings.context.clock.wallTime(), meter: meters.store("leases"))
    let level = settings.configuration.log.level.severity
    var configuration = DHCPServerConfiguration(policy)
    configuration.minimumSeverity = level
    configuration.forceRenewal = renewalSecret(folder).map { ForceRenewal(secret: $0) }
    let server = try await DHCPServer(
      configuration, store: store, observer: surroundings.names.book,
      clock: surroundings.context.clock, events: EventFan([surroundings.context.events, surroundings.names.timeline]),
      meters: meters)
    let v6 = try await DHCPv6Server(
      try DHCPv6Policy.make(settings.configuration, server: DHCPv6Policy.identifier(folder)),
      store: store, observer: surroundings.names.book, clock: surroundings.context.clock,
      events: surroundings.context.events, meters: meters, minimumSeverity: level)
    // Every lease is known by now: what is entered elsewhere without one has gone while we were away.
    try configureOutside(settings, folder, surroundings)
    surroundings.names.book.outside.begin()
    let hosting = DHCPHosting(surroundings, folder, store, server, v6, settings.configuration)
    hosting.register()
    surroundings.names.begin(in: folder, clock: surroundings.context.clock)
    surroundings.names.everySecond { [weak hosting] in await hosting?.lookForChanges() }
    return hosting
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    let (policy, reserved) = try Self.policy(settings.configuration, folder)
    let v6Policy = try DHCPv6Policy.make(settings.configuration, server: DHCPv6Policy.identifier(folder))
    try server.reload(policy)
    try v6.reload(v6Policy)
    try Self.configureOutside(settings, folder, surroundings)
    Self.configureNames(settings.configuration, reserved, folder, surroundings)
    configuration.withLock { $0 = settings.configuration }
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
    if declaration.key == "v6_port" {
      let listening = try v6.serve(descriptor)
      let advertiser = advertiser(declaration, settings.configuration)
      return RunningListener { _ in
        await advertiser?.stop()
        await listening.stop()
        socket.close()
      }
    }
    var options = DHCPSocketOptions()
    options.isBootService = declaration.key == "proxy_port"
    if !options.isBootService, socket.place.endpoint?.port != 67 {
      options.isRelayedOnly = true
      options.answersRelaysAtSourcePort = true
    }
    let listening = try server.serve(descriptor, options)
    return RunningListener { _ in
      await listening.stop()
      socket.close()
    }
  }

  /// Advertises the subnets of an interface, where that is wanted and may be.
  private func advertiser(
    _ declaration: ListenerDeclaration, _ configuration: PortsideConfiguration
  ) -> RouterAdvertiser? {
    let address = declaration.endpoint.address
    guard let advertisement = DHCPv6Policy.advertisement(configuration, at: address),
      let interface = NetworkInterfaces.name(of: address)
    else { return nil }
    do {
      return try RouterAdvertiser(advertisement, interface: interface, clock: surroundings.context.clock)
    } catch {
      surroundings.context.events.emit(
        Event(
          time: surroundings.context.clock.wallTime(), severity: .error, message: "no router advertisements",
          service: .dhcp,
          fields: [.init("interface", .string(interface)), .init("reason", .string("\(error)"))]))
      return nil
    }
  }

  func stop() async {
    await server.stop()
    await v6.stop()
    await surroundings.names.book.outside.stop()
    store.close()
  }

  private static func policy(
    _ configuration: PortsideConfiguration, _ folder: DataFolder
  ) throws -> (Policy, [IPAddress: String]) {
    let policy = try DHCPPolicy.make(configuration, StaticReservation.read(folder.reservationFile))
    let reserved = policy.reservations.compactMap { entry in entry.address.map { ($0, entry.name) } }
    return (policy, Dictionary(reserved) { first, _ in first })
  }

  /// Made once and kept: clients that have a lease know us by what follows from it.
  private static func renewalSecret(_ folder: DataFolder) -> [UInt8]? {
    if let content = FileManager.default.contents(atPath: folder.renewalSecret), content.count == 32 {
      return Array(content)
    }
    let made = (0..<32).map { _ in UInt8.random(in: 0...255) }
    let isKept = FileManager.default.createFile(
      atPath: folder.renewalSecret, contents: Data(made), attributes: [.posixPermissions: 0o600])
    return isKept ? made : nil
  }

  private static func configureNames(
    _ configuration: PortsideConfiguration, _ reserved: [IPAddress: String], _ folder: DataFolder,
    _ surroundings: WorkerSurroundings
  ) {
    let zone = configuration.dhcp.register.flatMap { try? Name($0.description) }
    surroundings.names.book.configure(zone: zone, reserved: reserved, serialFile: folder.serialFile)
  }

  private static func configureOutside(
    _ settings: WorkerSettings, _ folder: DataFolder, _ surroundings: WorkerSurroundings
  ) throws {
    let section = settings.configuration.dhcp
    let keys = try section.update.isEmpty ? TSIGKeyring() : DNSReplicationSettings.keys(settings)
    let targets = try section.update.map { entry in
      guard let zone = try? Name(entry.zone.description) else {
        throw CommandFailure("dhcp.update: '\(entry.zone)' is no domain name")
      }
      let key = try entry.key.map { name in
        guard let key = (try? Name(name.name.description)).flatMap({ keys[$0] }) else {
          throw CommandFailure("dhcp.update: there is no key '\(name)'; portside zone key, or dns.tsig")
        }
        return key
      }
      return OutsideNames.Target(zone: zone, server: Endpoint(entry.to.address, entry.to.port ?? 53), key: key)
    }
    surroundings.names.book.outside.configure(targets, file: folder.nameUpdates)
  }

  /// The command line has given back a lease, or entered one, or a reservation.
  private func lookForChanges() async {
    let attributes = try? FileManager.default.attributesOfItem(atPath: folder.leaseMark)
    guard let changed = attributes?[.modificationDate] as? Date else { return }
    let isNews = mark.withLock { mark in
      defer { mark = changed }
      return mark != changed
    }
    guard isNews else { return }
    do {
      let current = configuration.withLock { $0 }
      let (policy, reserved) = try Self.policy(current, folder)
      try server.reload(policy)
      Self.configureNames(current, reserved, folder, surroundings)
      let now = surroundings.context.clock.wallTime()
      try await LeaseWishes(path: folder.leaseWishes).take { [store] records in
        _ = try await store.claim(records.map { LeaseClaim($0) }, now: now)
      }
      try await server.refresh()
      try await v6.refresh()
      for address in LeaseFolder.takeRenewals(folder) { _ = server.forceRenew(address) }
    } catch {
      surroundings.context.events.emit(
        Event(
          time: surroundings.context.clock.wallTime(), severity: .error, message: "changed leases can't be read",
          service: .dhcp, fields: [.init("reason", .string("\(error)"))]))
    }
  }

  private func register() {
    let server = server
    surroundings.metrics.reading("portside_dhcp_leases", help: "Addresses of pools that are held.") {
      Double(server.usage().reduce(0) { $0 + $1.held })
    }
    surroundings.metrics.reading("portside_dhcp_addresses", help: "Addresses that the pools have.") {
      Double(server.usage().reduce(0) { $0 + $1.size })
    }
  }
}
