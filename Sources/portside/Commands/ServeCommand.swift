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
    file.show(try file.read())
    let server = try await RunningServer.start(file, isLaboratory: false) { try file.load(overlay: $0) }
    await server.supervisor.whenStopped()
    server.log.flush()
  }
}

/// A supervisor with the workers of a configuration, in this process.
struct RunningServer {
  let supervisor: Supervisor
  let log: LogWriter
  let composition: Composition

  /// Starts everything. `load` gives the configuration, at the start and at each reload: the file with what the console has set.
  static func start(
    _ file: ConfigurationFile, isLaboratory: Bool,
    load: @escaping @Sendable (ConfigurationOverlay) throws -> PortsideConfiguration
  ) async throws -> RunningServer {
    raiseDescriptorLimit()
    let clock = SystemClock()
    var composition = try Composition(try load(ConfigurationOverlay()), isLaboratory: isLaboratory)
    let keeper = try ConfigurationKeeper(composition.folder.configuration, file: file, clock: clock)
    let overlay = await keeper.overlay
    var refusal: String?
    if !overlay.isEmpty {
      // The file may have changed while nothing ran, so that the two don't agree any more. Then the file counts.
      do { composition = try Composition(try load(overlay), isLaboratory: isLaboratory) } catch { refusal = "\(error)" }
    }
    composition.versions = await keeper.newest
    let configuration = composition.configuration
    let log = LogWriter(
      format: composition.logsJSON ? .json : .human(colours: composition.logsColours),
      threshold: configuration.log.level.severity, clock: clock)
    if let refusal {
      log.emit(
        Event(
          time: clock.wallTime(), severity: .error,
          message: "what the console has set does not go with the file, and is left out",
          fields: [.init("reason", .string(refusal))]))
    }
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
    let desk = SupervisorDesk(keeper)
    supervision.answerer = { await desk.answer($0, $1) }
    do {
      let supervisor = try await Supervisor.start(
        try composition.plan(), options: supervision, events: log, clock: clock
      ) {
        var next = try Composition(try load(await keeper.overlay), isLaboratory: isLaboratory)
        next.versions = await keeper.newest
        return try next.plan()
      }
      desk.open(supervisor)
      await keeper.begin { try await desk.reload() }
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
