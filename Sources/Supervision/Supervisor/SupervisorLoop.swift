import Glibc
import Services
import WireKit

/// The supervisor itself: one thread, one `poll`, and everything that it knows in one place.
///
/// The thread lives as long as any worker: the kernel kills a worker when the thread that spawned it ends.
final class SupervisorLoop {
  typealias PlanLoader = @Sendable () async throws -> SupervisionPlan

  let options: SupervisorOptions
  let events: any EventSink
  let clock: any Services.Clock
  let loadPlan: PlanLoader
  let mailbox: Mailbox
  let startedAt: WallTime
  var plan: SupervisionPlan
  var registry: SocketRegistry
  var inherited: ServiceManagerSockets
  var notifier: ServiceNotifier
  /// In the order of the plan.
  var workers: [Worker] = []
  /// No longer of the plan, and draining.
  var retired: [Worker] = []
  var commands: CommandServer?
  var helper: HelperServer?
  var isStopping = false
  var isLoading = false
  var pending: PendingReload?
  /// Who asked for a reload while one was under way: it may have read the file too early for them.
  var reloadAgain: [ReloadAsker] = []
  var loadAskers: [ReloadAsker] = []
  var readyReplies: [Mailbox.Reply<SupervisorStatus>] = []
  var stopReplies: [Mailbox.Reply<Void>] = []
  private let signals: SignalPipe?
  private var isAnnounced = false
  private var nextWatchdog: MonotonicTime?
  var room = [UInt8](repeating: 0, count: ControlPacket.sizeLimit)

  /// Binds everything. Nothing is left behind when it throws.
  init(
    _ plan: SupervisionPlan, options: SupervisorOptions, events: any EventSink, clock: any Services.Clock,
    mailbox: Mailbox, loadPlan: @escaping PlanLoader
  ) throws(SupervisionError) {
    self.options = options
    self.events = events
    self.clock = clock
    self.mailbox = mailbox
    self.loadPlan = loadPlan
    self.plan = plan
    startedAt = clock.wallTime()
    if options.handlesSignals { ResourceLimits.raiseDescriptors() }
    inherited = options.usesServiceManager ? .fromEnvironment() : ServiceManagerSockets()
    notifier = options.usesServiceManager ? .fromEnvironment() : ServiceNotifier()
    try Self.check(plan, heartbeat: options.heartbeatInterval)
    registry = try SocketRegistry().prepared(for: plan, inherited: &inherited)
    commands = if let path = options.controlPath { try CommandServer(path: path) } else { nil }
    helper = if let plan = plan.helper { try HelperServer(plan, executable: options.executable) } else { nil }
    signals = options.handlesSignals ? try SignalPipe() : nil
    if notifier.watchdogInterval != nil { nextWatchdog = clock.now() }
    for place in inherited.places {
      emit(
        .warning, "a socket of the service manager is in no plan and was closed", [.init("socket", .string("\(place)"))]
      )
    }
    // Nobody would ever accept from them.
    inherited = ServiceManagerSockets()
    for worker in plan.workers { workers.append(Worker(worker, now: clock.now(), since: startedAt)) }
  }

  /// Runs until everything has ended.
  func run() {
    while !isFinished { turn() }
    emit(.notice, "stopped", [])
    commands?.answerStop(ControlAnswer())
    // Before anybody hears of the end: the program may exit then, and the control socket's file would stay.
    commands = nil
    helper = nil
    for reply in stopReplies { reply(.success(())) }
    for reply in readyReplies { reply(.failure(SupervisionError(.notRunning, "the supervisor has stopped"))) }
    answer(
      loadAskers + reloadAgain + (pending?.askers ?? []),
      .failure(SupervisionError(.notRunning, "the supervisor has stopped")))
    mailbox.close()
  }

  private var isFinished: Bool { isStopping && (workers + retired).allSatisfy { $0.phase == .stopped } }

  /// What a descriptor of the poll set belongs to.
  private enum Source {
    case mailbox, signals, listener
    case client(CommandServer.ClientID)
    case packets(Worker)
    case process(Worker)
    case helperListener, helperProcess
  }

  private func turn() {
    var sources: [Source] = [.mailbox]
    var descriptors = [pollfd(fd: mailbox.wake.number, events: Int16(POLLIN), revents: 0)]
    func watch(_ source: Source, _ number: Int32, _ events: Int32 = POLLIN) {
      sources.append(source)
      descriptors.append(pollfd(fd: number, events: Int16(events), revents: 0))
    }
    if let signals { watch(.signals, signals.reading.number) }
    if let commands {
      watch(.listener, commands.listener.number)
      for (id, number) in commands.watched { watch(.client(id), number) }
    }
    for worker in workers + retired {
      guard let process = worker.process else { continue }
      if let packets = worker.packets {
        watch(.packets(worker), packets.socket.descriptor.number, packets.isEmpty ? POLLIN : POLLIN | POLLOUT)
      }
      watch(.process(worker), process.descriptor.number)
    }
    if let helper {
      if helper.isAccepting, !isStopping { watch(.helperListener, helper.listener.number) }
      for number in helper.watched { watch(.helperProcess, number) }
    }
    let count = poll(&descriptors, nfds_t(descriptors.count), waitMilliseconds())
    // Messages are judged before times: a worker is not late when its heartbeat lies unread.
    if count > 0 {
      for (source, descriptor) in zip(sources, descriptors) where descriptor.revents != 0 { handle(source) }
    }
    checkTimes()
    checkReload()
    checkReady()
    retired.removeAll { $0.phase == .stopped }
  }

  private func handle(_ source: Source) {
    switch source {
    case .mailbox: for request in mailbox.take() { handle(request) }
    case .signals: for number in signals?.take() ?? [] { handle(signal: number) }
    case .listener: commands?.accept(deadline: clock.now() + .seconds(10))
    case .client(let id): handleClient(id)
    case .packets(let worker): exchangePackets(worker)
    case .process(let worker):
      // Its last words first.
      exchangePackets(worker)
      if let exit = worker.process?.reap() { ended(worker, exit) }
    case .helperListener:
      do throws(SupervisionError) { try helper?.accept() } catch {
        emit(.error, "a helper can't be started", [.init("reason", .string(error.description))])
      }
    case .helperProcess: helper?.reap()
    }
  }

  private func handle(_ request: Mailbox.Request) {
    switch request {
    case .status(let reply): reply(.success(status()))
    case .whenReady(let reply): readyReplies.append(reply)
    case .reload(let reply): reload([.caller(reply)])
    case .loaded(let result): loaded(result)
    case .answered(let name, let pid, let number, let bytes): answered(name, pid, number, bytes)
    case .stop: stop()
    case .whenStopped(let reply): stopReplies.append(reply)
    }
  }

  private func handle(signal number: Int32) {
    switch number {
    case SIGHUP: reload([.signal])
    case SIGTERM, SIGINT: isStopping ? killAll() : stop()
    default: break
    }
  }

  private func handleClient(_ id: CommandServer.ClientID) {
    guard let commands, let request = commands.request(from: id) else { return }
    switch request {
    case .status: commands.answer(id, ControlAnswer(status: status()))
    case .stop:
      emit(.notice, "stop asked for on the command line", [])
      commands.keepForStop(id)
      stop()
    case .reload:
      emit(.notice, "reload asked for on the command line", [])
      reload([.client(id)])
    }
  }

  /// Tells those who asked for a reload how it went.
  func answer(_ askers: [ReloadAsker], _ result: Result<ReloadReport, SupervisionError>) {
    for asker in askers {
      switch asker {
      case .caller(let reply): reply(result)
      case .client(let id): commands?.answer(id, ControlAnswer(reload: result))
      case .signal: break
      }
    }
  }

  func status() -> SupervisorStatus {
    SupervisorStatus(
      pid: getpid(), since: startedAt,
      workers: workers.map { $0.status(sockets: registry.sockets(of: $0.plan.name)) }
        + retired.map { $0.status(sockets: []) })
  }

  private func waitMilliseconds() -> Int32 {
    var next = nextWatchdog
    func consider(_ time: MonotonicTime?) {
      guard let time else { return }
      if let earlier = next, earlier <= time { return }
      next = time
    }
    for worker in workers + retired { consider(worker.deadline(heartbeatLimit: options.heartbeatLimit)) }
    consider(pending?.deadline)
    consider(commands?.nextDeadline)
    guard let next else { return -1 }
    // Rounded up, so that the time has come when poll returns.
    let milliseconds = ((next - clock.now()).wholeNanoseconds + 999_999) / 1_000_000
    return Int32(clamping: max(0, milliseconds))
  }

  private func checkTimes() {
    let now = clock.now()
    for worker in workers + retired { checkTime(worker, now) }
    commands?.dropLate(now: now)
    if let due = nextWatchdog, due <= now, let interval = notifier.watchdogInterval {
      notifier.send("WATCHDOG=1")
      nextWatchdog = now + interval
    }
  }

  private func checkReady() {
    guard !isStopping, workers.allSatisfy({ $0.phase == .ready || $0.isFailing }) else { return }
    let failing = workers.filter(\.isFailing).map(\.plan.name.rawValue)
    if !isAnnounced {
      isAnnounced = true
      notifier.send("READY=1", "STATUS=" + (failing.isEmpty ? "serving" : "failing: \(failing.joined(separator: " "))"))
    }
    let replies = readyReplies
    readyReplies = []
    for reply in replies { reply(.success(status())) }
  }

  /// Tells what happened.
  func emit(_ severity: Event.Severity, _ message: StaticString, _ fields: [Event.Field], worker: Worker? = nil) {
    var all: [Event.Field] = []
    if let worker {
      all.append(.init("worker", .string(worker.plan.name.rawValue)))
      if let process = worker.process { all.append(.init("pid", .integer(Int64(process.pid)))) }
    }
    events.emit(Event(time: clock.wallTime(), severity: severity, message: message, fields: all + fields))
  }
}
