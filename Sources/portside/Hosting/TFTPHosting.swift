import Configuration
import Foundation
import Operation
import Services
import Supervision
import Synchronization
import TFTPServer
import Transport

/// TFTP: files to boot, and the configurations that devices save.
final class TFTPHosting: HostedService {
  static let worker = WorkerName.names
  static let services: Set<ServiceName> = [.tftp]

  private struct Running: Sendable {
    var descriptors: [Int32]
    var server: TFTPServer
  }

  private struct State: Sendable {
    var configuration: TFTPServerConfiguration
    var section: TFTPSection
    var running: [InheritedSocket.Identity: Running] = [:]
  }

  private let surroundings: WorkerSurroundings
  private let state: Mutex<State>

  private init(_ surroundings: WorkerSurroundings, _ state: State) {
    self.surroundings = surroundings
    self.state = Mutex(state)
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) { part.tftp = whole.tftp }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    if let read = configuration.tftp.read?.description { confinement.readPaths.append(read) }
    if let write = configuration.tftp.write { confinement.writePaths.append(Self.base(of: write.description)) }
    confinement.writePaths.append(folder.leases)
  }

  /// What stands before `{device}`.
  static func base(of template: String) -> String {
    let head = template.firstRange(of: "{device}").map { template[..<$0.lowerBound] } ?? template[...]
    guard let slash = head.lastIndex(of: "/"), slash != head.startIndex else { return "/" }
    return String(head[..<slash])
  }

  static func shape(_ plan: inout SocketPlan, for declaration: ListenerDeclaration) { plan.count = 1 }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    let section = settings.configuration.tftp
    surroundings.names.begin(in: DataFolder(settings.configuration), clock: surroundings.context.clock)
    return TFTPHosting(surroundings, State(configuration: configuration(section), section: section))
  }

  /// A server is made anew on its socket when the section differs: its transfers end, and the clients ask again.
  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    let section = settings.configuration.tftp
    let running = state.withLock { state -> [InheritedSocket.Identity: Running] in
      guard state.section != section else { return [:] }
      state.section = section
      state.configuration = Self.configuration(section)
      return state.running
    }
    for (identity, old) in running {
      await old.server.stop()
      let server = try start(old.descriptors)
      state.withLock { $0.running[identity] = Running(descriptors: old.descriptors, server: server) }
    }
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    let identity = socket.identity
    let server = try start(socket.descriptors)
    state.withLock { $0.running[identity] = Running(descriptors: socket.descriptors, server: server) }
    return RunningListener { _ in
      let running = self.state.withLock { $0.running.removeValue(forKey: identity) }
      await running?.server.stop()
      socket.close()
    }
  }

  private func start(_ descriptors: [Int32]) throws -> TFTPServer {
    let configuration = state.withLock { $0.configuration }
    return try TFTPServer(
      configuration, sockets: descriptors, clock: surroundings.context.clock,
      events: EventFan([surroundings.context.events, surroundings.names.timeline]), directory: surroundings.names.book,
      meters: surroundings.context.meters)
  }

  private static func configuration(_ section: TFTPSection) -> TFTPServerConfiguration {
    var configuration = TFTPServerConfiguration()
    configuration.readRoots = section.read.map { [$0.description] } ?? []
    configuration.usesSinglePort = section.singlePort
    if let write = section.write {
      var policy = WritePolicy(template: write.description)
      policy.maximumFileSize = UInt64(clamping: section.maxSize.bytes)
      policy.quotaPerDevice = UInt64(clamping: section.quota.bytes)
      policy.openNetworks = section.writeFrom
      configuration.writes = policy
    }
    return configuration
  }
}
