import ArgumentParser
import Configuration
import Foundation
import Operation
import Services
import Supervision
import Transport

/// `portside serve`: every service that the configuration names.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serve as configured, until stopped.",
    discussion: "SIGHUP or `portside reload` puts a changed configuration into force; SIGTERM drains and stops.")
  @OptionGroup var options: ConfigurationOptions

  func run() async throws {
    let file = ConfigurationFile(path: try options.path())
    let server = try await RunningServer.start(try options.load(), isLaboratory: false) { try file.load() }
    await server.supervisor.whenStopped()
    server.log.flush()
  }
}

/// A supervisor with the workers of a configuration, in this process.
struct RunningServer {
  let supervisor: Supervisor
  let log: LogWriter
  let composition: Composition

  /// Starts everything. `reload` gives the configuration that a reload puts into force.
  static func start(
    _ configuration: PortsideConfiguration, isLaboratory: Bool,
    reload: @escaping @Sendable () throws -> PortsideConfiguration
  ) async throws -> RunningServer {
    raiseDescriptorLimit()
    let composition = try Composition(configuration, isLaboratory: isLaboratory)
    let clock = SystemClock()
    let log = LogWriter(
      format: composition.logsJSON ? .json : .human(colours: composition.logsColours),
      threshold: configuration.log.level.severity, clock: clock)
    for declaration in composition.missing {
      log.emit(
        Event(
          time: clock.wallTime(), severity: .warning, message: "configured, but this version does not have it yet",
          service: declaration.service, fields: [.init("key", .string("\(declaration.section).\(declaration.key)"))]))
    }
    var supervision = SupervisorOptions()
    supervision.controlPath = composition.folder.controlSocket
    supervision.drainLimit = configuration.server.stopWithin
    supervision.handlesSignals = true
    supervision.usesServiceManager = true
    do {
      let supervisor = try await Supervisor.start(
        try composition.plan(), options: supervision, events: log, clock: clock
      ) {
        try Composition(try reload(), isLaboratory: isLaboratory).plan()
      }
      return RunningServer(supervisor: supervisor, log: log, composition: composition)
    } catch {
      log.flush()
      throw CommandFailure("\(error)")
    }
  }

  /// The workers inherit the limit: each connection takes a descriptor.
  private static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = min(limit.rlim_max, 1 << 20)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
