import Configuration
import FTPCore
import FTPServer
import Files
import Foundation
import Services
import Supervision
import Transport

/// FTP and FTPS, on the same files as SFTP.
final class FTPHosting: HostedService {
  static let worker = WorkerName.access
  static let services: Set<ServiceName> = [.ftp, .ftps]

  private let surroundings: WorkerSurroundings
  private let server: FTPServer

  private init(surroundings: WorkerSurroundings, server: FTPServer) {
    self.surroundings = surroundings
    self.server = server
  }

  /// `[ssh]` as well: its `sftp` says which files there are.
  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    part.ftp = whole.ftp
    part.ssh = whole.ssh
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    let section = configuration.ftp
    confinement.writePaths += files(configuration).folders
    if let log = section.transferLog { confinement.writePaths.append(parent(of: log.description)) }
    if let anonymous = section.anonymous { confinement.readPaths.append(anonymous.description) }
    if confinement.bindPorts != nil {
      let ports = Array(section.passive.ports.lowest...section.passive.ports.highest)
      // 0 is what active connections bind where the system chooses their port.
      confinement.bindPorts?.append(contentsOf: ports + [0])
    }
    guard case .number(let port) = section.dataPort else { return }
    // Clients name the port that they listen on.
    confinement.connectPorts = nil
    if port != 0 { confinement.bindPorts?.append(port) }
    if (1..<1024).contains(port) { confinement.capabilities.append(.netBindService) }
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let server = FTPServer(
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, configuration: configuration(settings.configuration))
    for (direction, bytes) in [
      ("sent", \FTPCounters.bytesSent), ("received", \FTPCounters.bytesReceived),
    ] as [(String, KeyPath<FTPCounters, UInt64> & Sendable)] {
      surroundings.metrics.reading("portside_ftp_bytes", help: "Bytes of files moved by FTP.", ["direction": direction])
      {
        Double(server.counters[keyPath: bytes])
      }
    }
    return FTPHosting(surroundings: surroundings, server: server)
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    server.reload(Self.configuration(settings.configuration))
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
    let listening = try await server.listen(
      .init(tls: .init(declaration.tls), proxies: settings.configuration.proxyProtocol.from), descriptor: descriptor,
      on: surroundings.group)
    return RunningListener { await listening.drain(within: $0) }
  }

  // MARK: From the configuration

  private static func files(_ configuration: PortsideConfiguration) -> AccountFiles {
    SSHHosting.files(configuration)
  }

  private static func parent(of path: String) -> String {
    let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
    return folder.isEmpty ? "/" : String(folder)
  }

  private static func configuration(_ whole: PortsideConfiguration) -> FTPServerConfiguration {
    let section = whole.ftp
    var configuration = FTPServerConfiguration()
    let hostname = whole.server.hostname.description.lowercased()
    configuration.hostNames = [hostname] + (hostname.hasPrefix("ftp.") ? [] : ["ftp.\(domain(of: hostname))"])
    configuration.requiresTLS = section.tls == .required
    configuration.allowsClearCommands = section.clearCommands
    configuration.acceptsPlainLogIn = { section.tls == .optional && section.acceptsPlaintext(from: $0) }
    configuration.passivePorts = section.passive.ports.lowest...section.passive.ports.highest
    configuration.announcedByNetwork = section.passive.addresses.sorted { $0.key.prefixLength > $1.key.prefixLength }
      .map { (network: $0.key, address: $0.value) }
    if case .fixed(let address) = section.passive.address { configuration.announcedAddress = address }
    configuration.activePort = if case .number(let port) = section.dataPort { port } else { nil }
    configuration.showsUploadsAtOnce = section.uploads == .visible
    configuration.synchronisesUploads = section.sync
    configuration.transferLog = section.transferLog?.description
    let files = files(whole)
    configuration.files = { identity throws(FileError) in try files.store(for: identity) }
    if let anonymous = section.anonymous?.description {
      configuration.anonymousFiles = { () throws(FileError) in try DiskFileStore(root: anonymous, isReadOnly: true) }
    }
    configuration.limits.idleTime = section.idleTimeout
    configuration.dataLimits.stallTime = section.stallTimeout
    return configuration
  }

  private static func domain(of hostname: String) -> Substring {
    hostname.firstIndex(of: ".").map { hostname[hostname.index(after: $0)...] } ?? hostname[...]
  }
}
