import ConsoleCore
import ConsoleServer
import Gate
import NIOPosix
import Operation
import Services
import Synchronization
import Transport
import WireKit

/// What every worker but the gate has around it: the clock, the log, the metrics, the gate, the certificates.
final class WorkerSurroundings: Sendable {
  let context: ServerContext
  let contexts = TLSContextStore()
  let counter: ConnectionCounter
  let numbers = SessionNumbers()
  /// The mail store, for the protocols of the mail worker.
  let mail: MailHosting
  let metrics: MetricsRegistry
  let group: MultiThreadedEventLoopGroup
  /// What the services of the names worker share.
  let names: NamesExchange
  /// What certificate authorities are to see.
  let challenges = ChallengeBoard()
  private let log: LogWriter
  private let gate: GateClient
  private let certificates: Task<Void, Never>

  init(name: String, _ settings: WorkerSettings) {
    let clock = SystemClock()
    let process = ProcessMetrics(worker: name)
    let metrics = process.registry
    self.metrics = metrics
    mail = MailHosting(process.meters)
    let log = LogWriter(settings, clock: clock)
    self.log = log
    let group = MultiThreadedEventLoopGroup.singleton
    self.group = group
    counter = ConnectionCounter(SourceLimits(settings.configuration.limits))
    let gate = GateClient(path: settings.gateSocket, name: name, clock: clock, group: group) {
      process.text
    }
    self.gate = gate
    context = ServerContext(
      clock: clock, events: EventFan([log, EventMetrics(metrics), gate]), accounts: gate, penalties: gate,
      sessions: gate, certificates: gate, meters: process.meters, faults: settings.faults,
      acceptsTokens: settings.acceptsTokens)
    let contexts = contexts
    certificates = Task {
      for await identities in gate.identities() { contexts.update(identities) }
    }
    let challenges = challenges
    gate.followChallenges { challenges.replace($0) }
    challenges.follow { published in
      contexts.updateChallenges(
        published.compactMap { if case .identity(let identity) = $0.content { identity } else { nil } })
    }
    names = NamesExchange(clock: clock, events: context.events)
    let counter = counter
    metrics.reading("portside_connections", help: "Open connections.") { Double(counter.total) }
    gate.start()
  }

  /// Waits until the gate has sent the certificates that TLS listeners need, so that a worker that is ready can shake
  /// hands. Goes on without them after the limit: the gate may be restarting, and plain services must not wait for it.
  func awaitCertificates(for services: Set<ServiceName>, within limit: Duration = .seconds(5)) async {
    let end = context.clock.now() + limit
    while context.clock.now() < end, !services.allSatisfy(contexts.serves) {
      try? await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Sets who answers the console commands that the gate passes on to this worker.
  func answerQuestions(_ answerer: @escaping @Sendable (ConsoleQuestion) async -> ConsoleAnswer?) {
    gate.answerQuestions(answerer)
  }

  /// The console of whoever logged in by this session, which must stand in the register of sessions: the gate carries
  /// out its commands in the name of the account that it has itself granted the log-in to.
  func consoleBackend(of session: SessionID) -> some ConsoleBackend { GateConsoleBackend(gate: gate, session: session) }

  /// The gate's word for a session of the operating system, in the name of whoever logged in by this session.
  func sessionTicket(for session: SessionID) async -> String? {
    do throws(ServiceUnavailable) { return try await gate.sessionTicket(for: session) } catch { return nil }
  }

  /// A console for an account; what it may see of the commands follows from its permissions.
  func makeConsole(for account: AccountIdentity, hostname: String, commands: String? = nil) -> Console {
    Console(
      ProgramCommands.tree, settings: ProgramCommands.settings(account: account.name, hostname: hostname),
      commands: commands, isPermitted: account.permits)
  }

  /// Puts what a reload may change into force.
  func apply(_ settings: WorkerSettings) {
    counter.update(SourceLimits(settings.configuration.limits))
    log.setThreshold(settings.configuration.log.level.severity)
  }

  /// The last words: what was logged and reported is handed over.
  func stop() async {
    certificates.cancel()
    names.stop()
    await mail.close()
    await gate.stop()
    log.flush()
  }
}

/// Console commands by way of the gate.
private struct GateConsoleBackend: ConsoleBackend {
  let gate: GateClient
  let session: SessionID

  func perform(_ call: ConsoleCall) async -> ConsoleAnswer { await gate.perform(call, session: session) }
}
