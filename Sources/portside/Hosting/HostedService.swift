import Configuration
import ConsoleCore
import Services
import Supervision

/// One protocol's server inside a worker: the only place where the program knows of it.
///
/// A protocol is added by a file beside this one and a row in `HostedServices.all`. What a service declares statically,
/// the supervisor asks before any worker runs; the rest happens inside the worker.
protocol HostedService: Sendable {
  /// The worker that runs it.
  static var worker: WorkerName { get }
  /// The services whose sockets it is given.
  static var services: Set<ServiceName> { get }
  /// Copies the sections that it needs, and no others: a reload that changes none of them does not reach its worker.
  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration)
  /// Widens what its worker may touch to what it needs. In a stable order: another order is another confinement, and a
  /// new process at every reload.
  static func confine(_ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder)
  /// Changes the plan of one of its sockets: how many share the address, whether broadcasts come to it.
  static func shape(_ plan: inout SocketPlan, for declaration: ListenerDeclaration)
  /// Sockets of its own for other workers of this program; their names begin with `internal `.
  static func internalSockets(
    _ configuration: PortsideConfiguration, in folder: DataFolder, owner: String?
  ) -> [SocketPlan]
  /// Makes it, without listeners.
  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService

  /// Takes over a configuration. Throws when it can't; then everything is as before.
  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws
  /// Begins to serve one socket.
  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener
  /// Begins to serve a socket for other workers; `nil` when it is not one of its own.
  func listen(internally socket: InheritedSocket) async throws -> RunningListener?
  /// The console commands that it answers, each declared here and nowhere else.
  static var commands: [Command] { get }
  /// Answers one of them.
  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer
  /// Its listeners have ended; what it still has to hand over or close goes now.
  func stop() async
}

extension HostedService {
  static func shape(_ plan: inout SocketPlan, for declaration: ListenerDeclaration) {}
  static func internalSockets(
    _ configuration: PortsideConfiguration, in folder: DataFolder, owner: String?
  ) -> [SocketPlan] { [] }
  func listen(internally socket: InheritedSocket) async throws -> RunningListener? { nil }
  func stop() async {}
  static var commands: [Command] { [] }
  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    .failure("'\(question.command)' is no command here")
  }
}
