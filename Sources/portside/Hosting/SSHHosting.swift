import Configuration
import ConsoleCore
import Files
import Foundation
import SSHCore
import SSHServer
import Services
import Supervision
import Synchronization
import Transport

/// SSH: log-in, files by SFTP and SCP, shells, forwarding.
final class SSHHosting: HostedService {
  static let worker = WorkerName.access
  static let services: Set<ServiceName> = [.ssh]

  private struct State {
    var configuration: SSHServerConfiguration
    var programs: SSHPrograms
    var servers: [String: SSHServer] = [:]
  }

  private let surroundings: WorkerSurroundings
  private let hostKeys: [PrivateKey]
  private let state: Mutex<State>

  private init(_ settings: WorkerSettings, _ hostKeys: [PrivateKey], _ surroundings: WorkerSurroundings) {
    self.surroundings = surroundings
    self.hostKeys = hostKeys
    state = Mutex(
      State(
        configuration: Self.configuration(settings.configuration, hostKeys),
        programs: Self.programs(settings.configuration, surroundings)))
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) { part.ssh = whole.ssh }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    confinement.writePaths += files(configuration).folders + [folder.hostKeys]
    if configuration.ssh.forwarding {
      confinement.connectPorts = nil
      confinement.bindPorts = nil
    }
    if configuration.ssh.shell == .os {
      confinement.maySpawn = true
      confinement.mayTouchAll = true
    }
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    guard let secret = settings.hostKeySecret else { throw CommandFailure("the worker was given no key for host keys") }
    let keys = try SSHHostKeys.load(DataFolder(settings.configuration).hostKeys, secret)
    return SSHHosting(settings, keys, surroundings)
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    let configuration = Self.configuration(settings.configuration, hostKeys)
    let programs = Self.programs(settings.configuration, surroundings)
    let servers = state.withLock { state in
      (state.configuration, state.programs) = (configuration, programs)
      return Array(state.servers.values)
    }
    for server in servers { server.reload(configuration, programs: programs) }
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
    var (configuration, programs) = state.withLock { ($0.configuration, $0.programs) }
    configuration.listener = StreamListenerConfiguration(
      service: .ssh, encryption: "SSH-2.0", proxies: settings.configuration.proxyProtocol.from,
      // A version first, so that clients show the words that follow instead of guessing.
      refusal: Array("Too many connections, or a penalty: come back later.\r\n".utf8))
    let server = SSHServer(
      configuration: configuration, context: surroundings.context, counter: surroundings.counter,
      numbers: surroundings.numbers, programs: programs)
    try await server.start(descriptor: descriptor, on: surroundings.group)
    let name = socket.name
    state.withLock { $0.servers[name] = server }
    return RunningListener { limit in
      self.state.withLock { state in
        if state.servers[name] === server { state.servers[name] = nil }
      }
      await server.drain(within: limit)
    }
  }

  // MARK: The console

  static let commands = [
    Command(
      "show ssh host-keys", permission: "console:show", "the keys that this server proves itself by",
      columns: ["type", "fingerprint", "sshfp"])
  ]

  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    question.page(
      ["type", "fingerprint", "sshfp"],
      hostKeys.map { key in
        [key.publicKey.type, key.publicKey.fingerprint, key.publicKey.fingerprintRecord ?? "-"]
      })
  }

  // MARK: From the configuration

  /// The accounts' files as the configuration has them.
  static func files(_ configuration: PortsideConfiguration) -> AccountFiles {
    AccountFiles(
      shared: configuration.ssh.sftp.root?.description, home: configuration.ssh.sftp.home?.description,
      counts: DataFolder(configuration).counts)
  }

  private static func programs(
    _ configuration: PortsideConfiguration, _ surroundings: WorkerSurroundings
  ) -> SSHPrograms {
    let settings = configuration.ssh.sftp
    let home: @Sendable (AccountIdentity) -> String? = { account in
      account.permits("files:home") ? settings.home?.filled(with: account.name)?.description : nil
    }
    let places: @Sendable (AccountIdentity) -> [(outside: String, inside: String)] = { account in
      let shared = settings.root.map { (outside: $0.description, inside: "/" + AccountFiles.sharedName) }
      return [home(account).map { (outside: $0, inside: "/") }, shared].compactMap { $0 }
    }
    let shell = configuration.ssh.shell == .os ? OwnUserPrograms(homeOfAccount: home) : nil
    let system =
      configuration.ssh.shell == .system
      ? SystemPrograms(path: DataFolder(configuration).sessionSocket) { await surroundings.sessionTicket(for: $0.id) }
      : nil
    return SSHPrograms(
      files: files(configuration), uploadsWhole: settings.uploads == .whole, shell: shell, system: system,
      hostname: configuration.server.hostname.description,
      places: places,
      surroundings: surroundings)
  }

  private static func configuration(
    _ configuration: PortsideConfiguration, _ hostKeys: [PrivateKey]
  ) -> SSHServerConfiguration {
    let section = configuration.ssh
    var session = ServerSessionConfiguration(hostKeys: hostKeys)
    session.hostCertificates = SSHHostKeys.certificates(DataFolder(configuration).hostKeys, of: hostKeys)
    session.policy.banner = section.banner.map { $0.description + "\n" } ?? ""
    session.policy.ways = section.methods.map { $0.methods.compactMap(AuthenticationPolicy.Method.init(rawValue:)) }
    session.limits.graceTime = section.graceTime
    if section.algorithms == .hardened {
      session.algorithms = .hardened
      session.hostKeys = hostKeys.filter { key in
        key.algorithms.contains { AlgorithmPreferences.hardened.hostKeys.contains($0) }
      }
    }
    let forwards = section.forwarding
    return SSHServerConfiguration(session: session) { identity in
      guard var grant = SSHServerConfiguration.grantByPermissions(identity) else { return nil }
      grant.allowsConnecting = grant.allowsConnecting && forwards
      grant.allowsListening = grant.allowsListening && forwards
      // Sockets at paths, and a socket for the agent, are for those who have a shell as the same user.
      let hasShell = section.shell == .os && geteuid() != 0 && identity.permits("shell")
      grant.allowsAgent = grant.allowsAgent && forwards && hasShell
      grant.allowsLocalSockets = grant.allowsLocalSockets && hasShell
      return grant
    }
  }
}
