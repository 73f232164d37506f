import Certificates
import Configuration
import Foundation
import Gate
import Operation
import Services
import Stores
import SystemSessions
import Transport

extension GateWorker {
  /// Everything that the gate's sockets serve.
  static func makeParts(
    _ settings: WorkerSettings, store: SQLiteStore, trail: AuditTrail, hub: GateEvents,
    events: any EventSink, certificates: CertificateService, clock: any Services.Clock,
    metrics: ProcessMetrics, recent: RecentEvents, supervisor: SupervisorLink
  ) async throws -> GateParts {
    let penalties = PenaltyBoard(
      PenaltySettings(settings.configuration.auth.penalty), clock: clock, events: events, observer: metrics.penalties)
    metrics.registry.reading("portside_penalised_sources", help: "Sources that are turned away at the moment.") {
      Double(penalties.list().count(where: \.isEnforced))
    }
    let sessions = SessionTable()
    let directory = try GateDirectory.make(
      settings.configuration, masterKey: settings.masterKey, store: store, clock: clock)
    let administration = GateAdministration(
      directory: directory, trail: trail, clock: clock,
      live: .init(penalties: penalties, sessions: sessions, watch: hub.watch), actor: "gate")
    let board = WorkerBoard()
    let answers = GateAnswers(
      configuration: settings.configuration, certificates: certificates, metrics: metrics, recent: recent, board: board,
      supervisor: supervisor, trail: trail, clock: clock)
    return GateParts(
      accounts: try await Authenticator(
        directory: directory, penalties: penalties, events: events,
        authority: try SSHKeyAuthority(settings.configuration.auth),
        tokens: try TokenIssuers(settings.configuration.auth, clock: clock, events: events), observer: metrics.logIns),
      penalties: penalties, sessions: sessions, events: hub, watch: hub.watch, certificates: certificates,
      administration: administration, clock: clock, board: board,
      console: GateConsole(
        commands: ProgramCommands.all, administration: administration, board: board, handlers: answers.handlers,
        events: events, clock: clock),
      ticketKey: settings.masterKey.map(SessionTicket.key))
  }

  /// Sees to it that every name has a certificate of the private authority, unless another issuer has given one.
  static func ensureCertificates(_ settings: WorkerSettings, _ certificates: CertificateService) async throws {
    let needs = settings.certificateNames
    try await certificates.change { store throws(CertificateStoreError) in
      for need in needs { _ = try store.ensure(names: need.names, services: need.services) }
    }
  }
}

/// The account directory over the store, for the gate and for the command line beside a stopped server.
enum GateDirectory {
  static func make(
    _ configuration: PortsideConfiguration, masterKey: Secret?, store: SQLiteStore, clock: any Services.Clock
  ) throws -> AccountDirectory {
    guard let hasher = Argon2idHasher() else { throw CommandFailure("libsodium finds no source of randomness") }
    guard let masterKey, let keys = GateKeys(master: masterKey) else {
      throw CommandFailure("the key that encrypts stored secrets is too short")
    }
    let roles = Dictionary(
      configuration.roles.map { ($0.key.description, $0.value.map(\.description)) }
    ) { first, _ in first }
    return AccountDirectory(
      store: SQLiteAccountStore(store), gate: HashingGate(hasher: PasswordHashes(own: hasher)), keys: keys,
      roles: RoleTable(roles: roles, totpRequired: Set(configuration.auth.totpRequired.map(\.description))),
      clock: clock, defaultDomain: domain(configuration))
  }

  /// What is added to account names without a domain: the server's own name without its first label.
  static func domain(_ configuration: PortsideConfiguration) -> String {
    let labels = configuration.server.hostname.labels
    return (labels.count > 2 ? Array(labels.dropFirst()) : labels).joined(separator: ".")
  }

  static func certificateStore(
    _ configuration: PortsideConfiguration, masterKey: Secret, clock: any Services.Clock
  ) throws -> CertificateStore {
    let folder = DataFolder(configuration)
    return try CertificateStore(
      .init(
        directory: folder.certificates, authorityName: domain(configuration), authorityFile: folder.authorityFile),
      encryption: KeyEncryption(key: masterKey), clock: clock)
  }
}

extension PenaltySettings {
  /// `[auth.penalty]` of the configuration.
  init(_ section: PenaltySection) {
    self.init(
      costs: [
        .authfail: section.authfail, .invaliduser: section.invaliduser, .noauth: section.noauth,
        .graceExceeded: section.graceExceeded, .crash: section.crash,
      ], minimum: section.min, maximum: section.max, prefixLengthV4: section.v4, prefixLengthV6: section.v6,
      exempt: section.exempt)
  }
}
