import Configuration
import ConsoleCore
import Services
import Supervision

/// A worker that runs the protocols of `HostedServices`: every worker but the gate.
actor HostingWorker: Worker {
  private let name: WorkerName
  private let surroundings: WorkerSurroundings
  private let listeners = ListenerSet()
  /// By the type's name: a protocol runs once, whatever number of sockets it has.
  private var running: [String: any HostedService] = [:]
  private var settings: WorkerSettings

  private init(_ name: WorkerName, _ settings: WorkerSettings) {
    self.name = name
    self.settings = settings
    surroundings = WorkerSurroundings(name: name.rawValue, settings)
  }

  static func start(
    _ name: WorkerName, _ settings: WorkerSettings, _ sockets: [InheritedSocket]
  ) async throws -> HostingWorker {
    let worker = HostingWorker(name, settings)
    worker.surroundings.answerQuestions { [weak worker] in await worker?.answer($0) }
    try await worker.apply(settings, sockets)
    let secured = settings.listeners.values.filter { $0.tls != .none }.map(\.service)
    await worker.surroundings.awaitCertificates(for: Set(secured))
    return worker
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    let wanted = HostedServices.of(name).filter { type in
      settings.listeners.values.contains { HostedServices.hosting($0) == type }
    }
    for type in wanted {
      if let service = running["\(type)"] {
        try await service.apply(settings, sockets)
      } else {
        running["\(type)"] = try await type.make(settings, sockets, in: surroundings)
      }
    }
    surroundings.apply(settings)
    self.settings = settings
    let services = running
    try await listeners.update(sockets) { socket in
      if socket.name.hasPrefix("internal ") {
        for service in services.values {
          if let listener = try await service.listen(internally: socket) { return listener }
        }
        return nil
      }
      guard let declaration = settings.listeners[socket.name], let type = HostedServices.hosting(declaration),
        let service = services["\(type)"]
      else { return nil }
      return try await service.listen(socket, declaration, settings)
    }
    let names = Set(wanted.map { "\($0)" })
    for (name, service) in running where !names.contains(name) {
      running[name] = nil
      await service.stop()
    }
  }

  /// The answer to a console command that the gate passes on; `nil` when none of the protocols here declares it.
  private func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer? {
    if question.command == ProgramCommands.configuration.name {
      return question.page(ProgramCommands.configuration.columns, ProgramCommands.rows(of: settings.configuration))
    }
    if question.command == ProgramCommands.probe.name { return name == .access ? await probe(question) : nil }
    guard let type = HostedServices.of(name).first(where: { $0.commands.contains { $0.name == question.command } }),
      let service = running["\(type)"]
    else { return nil }
    return await service.answer(question)
  }

  private func probe(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    var options = ProbeOptions()
    // Our own services prove themselves by our own authority.
    options.trustRoots = (try? TrustFile.read(DataFolder(settings.configuration).authorityFile)) ?? []
    do {
      let report = await (try Probes.probe(question.values.first ?? "", options)).run()
      if let failure = report.failure { return .failure(failure) }
      return question.page(
        ProgramCommands.probe.columns,
        report.steps.map { [$0.name, $0.result, $0.milliseconds.map { "\($0)" } ?? ""] })
    } catch { return .failure("\(error)") }
  }

  func drain(within limit: Duration) async {
    await listeners.drain(within: limit)
    for service in running.values { await service.stop() }
    await surroundings.stop()
  }
}
