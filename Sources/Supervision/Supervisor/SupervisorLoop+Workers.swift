import Glibc
import Services
import WireKit

/// Starting workers, listening to them, and what follows when one ends.
extension SupervisorLoop {
  /// Starts a process for a worker and hands it its sockets and configuration.
  func start(_ worker: Worker) {
    worker.isKilled = false
    worker.acknowledged = 0
    worker.refused = 0
    worker.confinement = nil
    worker.starts += 1
    worker.questions = 0
    worker.startedAt = clock.now()
    worker.heardAt = worker.startedAt
    do throws(SupervisionError) {
      let (ours, theirs) = try PacketSocket.pair()
      worker.process = try Process(
        path: options.executable, arguments: ["portside", "worker", worker.plan.name.rawValue],
        environment: Self.workerEnvironment(), descriptors: Self.standardDescriptors() + [theirs.descriptor])
      worker.packets = PacketQueue(ours)
    } catch {
      worker.remark = error.description
      worker.process = nil
      return ended(worker, nil)
    }
    worker.enter(.starting(deadline: worker.startedAt + options.startLimit), at: clock.wallTime())
    emit(.info, "worker started", [.init("restarts", .integer(Int64(worker.starts - 1)))], worker: worker)
    tell(worker)
  }

  /// Hands a worker its configuration and its sockets: the same at the start and at a reload.
  func tell(_ worker: Worker) {
    worker.generation &+= 1
    let generation = worker.generation
    do throws(SupervisionError) {
      let begin = try Self.beginPacket(worker.plan, generation, heartbeat: options.heartbeatInterval)
      worker.packets?.append(begin)
      var rest = worker.plan.configuration[...]
      while !rest.isEmpty {
        worker.packets?.append(ControlPacket(.bytes, generation, Array(rest.prefix(ControlPacket.bodyLimit))))
        rest = rest.dropFirst(ControlPacket.bodyLimit)
      }
      for group in registry.sockets(of: worker.plan.name) {
        let header = SocketHeader(name: group.plan.name, place: group.place)
        worker.packets?.append(try ControlPacket(.socket, generation, header: header), group.descriptors)
      }
      worker.packets?.append(ControlPacket(.commit, generation))
      try worker.packets?.flush()
    } catch {
      giveUp(worker, error)
    }
  }

  /// Sends what waits and reads what came.
  func exchangePackets(_ worker: Worker) {
    do throws(SupervisionError) {
      // A bound, so that a worker gone wild can't keep the others from being heard.
      for _ in 0..<64 {
        guard let socket = worker.packets?.socket else { return }
        switch try socket.receive(into: &room, blocking: false) {
        case .packet(let packet, _): try handle(packet, from: worker)
        case .nothing:
          try worker.packets?.flush()
          return
        case .end:
          // Its process's end says the rest. One that closes the channel and lives on is of no use.
          worker.packets = nil
          worker.process?.kill()
          return
        }
      }
    } catch {
      giveUp(worker, error)
    }
  }

  private func handle(_ packet: ControlPacket, from worker: Worker) throws(SupervisionError) {
    worker.heardAt = clock.now()
    switch packet.kind {
    case .heartbeat: break
    case .confined: worker.confinement = packet.text
    case .ready:
      guard packet.generation <= worker.generation else {
        throw SupervisionError(.channel, "it is ready with something that it was never sent")
      }
      worker.acknowledged = packet.generation
      guard worker.isStarting else { break }
      worker.enter(.ready, at: clock.wallTime())
      emit(.notice, "worker ready", [.init("confinement", .string(worker.confinement ?? "none"))], worker: worker)
    case .refused:
      worker.refused = packet.generation
      worker.remark = packet.text
      emit(.error, "worker refused its configuration", [.init("reason", .string(packet.text))], worker: worker)
      // There is nothing that it could go on with.
      if worker.isStarting { kill(worker) }
    case .failed:
      worker.remark = packet.text
      emit(.error, "worker failed", [.init("reason", .string(packet.text))], worker: worker)
    case .ask: answer(worker, packet)
    case .begin, .bytes, .socket, .commit, .drain, .answerPart, .answer:
      throw SupervisionError(.channel, "it sent what only a supervisor sends")
    }
  }

  /// Ends a worker with which no conversation is possible.
  private func giveUp(_ worker: Worker, _ error: SupervisionError) {
    // A worker that closed its end is ending by itself, and may have left its reason, which is still to be read.
    if worker.isKilled || error.code == .notRunning { return }
    worker.remark = error.description
    worker.packets = nil
    kill(worker)
  }

  func kill(_ worker: Worker) {
    worker.isKilled = true
    worker.process?.kill()
  }

  /// A worker's process has ended, or could not be started (`exit` is `nil`).
  func ended(_ worker: Worker, _ exit: Process.Exit?) {
    if let exit { worker.lastExit = exit.description }
    let now = clock.now()
    let wasDraining = worker.isDraining || isStopping
    report(worker, exit, wasDraining)
    worker.process = nil
    worker.packets = nil
    worker.isKilled = false
    worker.confinement = nil
    if wasDraining { return worker.enter(.stopped, at: clock.wallTime()) }
    if now - worker.startedAt >= options.restarts.settledAfter {
      worker.failures = 0
      worker.isFailing = false
    }
    worker.failures += 1
    let delay = options.restarts.delay(afterFailures: worker.failures)
    worker.enter(.waiting(until: now + delay), at: clock.wallTime())
    guard worker.failures >= options.restarts.failingAfter, !worker.isFailing else { return }
    worker.isFailing = true
    emit(
      .critical, "worker keeps ending and counts as failing",
      [
        .init("exit", .string(worker.lastExit ?? "not started")), .init("reason", .string(worker.remark ?? "unknown")),
        .init("next_try", .nanoseconds(delay.wholeNanoseconds)),
      ], worker: worker)
  }

  private func report(_ worker: Worker, _ exit: Process.Exit?, _ wasDraining: Bool) {
    guard let exit else {
      return emit(
        .error, "worker could not be started", [.init("reason", .string(worker.remark ?? "unknown"))], worker: worker)
    }
    let field = Event.Field("exit", .string(exit.description))
    if exit.isCrash {
      emit(.error, "worker crashed", [field], worker: worker)
    } else if wasDraining {
      emit(.info, "worker ended", [field], worker: worker)
    } else {
      emit(.warning, "worker ended unasked", [field], worker: worker)
    }
  }

  /// What is due for a worker by the clock.
  func checkTime(_ worker: Worker, _ now: MonotonicTime) {
    guard let deadline = worker.deadline(heartbeatLimit: options.heartbeatLimit), deadline <= now else { return }
    switch worker.phase {
    case .waiting: start(worker)
    case .starting:
      worker.remark = "it was not ready in time"
      emit(.error, "worker was not ready in time and is ended", [], worker: worker)
      kill(worker)
    case .ready:
      worker.remark = "it hung: no heartbeat"
      emit(.error, "worker hangs and is ended", [], worker: worker)
      kill(worker)
    case .draining:
      emit(.warning, "worker did not end in time and is killed", [], worker: worker)
      kill(worker)
    case .stopped: break
    }
  }

  /// Has a worker finish what it does and end.
  func drain(_ worker: Worker) {
    guard worker.process != nil else { return worker.enter(.stopped, at: clock.wallTime()) }
    worker.enter(.draining(deadline: clock.now() + options.drainLimit), at: clock.wallTime())
    let header = DrainHeader(milliseconds: options.drainLimit.wholeNanoseconds / 1_000_000)
    do throws(SupervisionError) {
      worker.packets?.append(try ControlPacket(.drain, worker.generation, header: header))
      try worker.packets?.flush()
    } catch {
      giveUp(worker, error)
    }
  }

  /// Stops: nobody is accepted any more, and every worker drains.
  func stop() {
    guard !isStopping else { return }
    isStopping = true
    notifier.send("STOPPING=1")
    emit(.notice, "stopping", [])
    registry = SocketRegistry()
    for worker in workers { drain(worker) }
  }

  func killAll() {
    for worker in workers + retired { kill(worker) }
  }

  static func beginPacket(
    _ plan: WorkerPlan, _ generation: UInt32, heartbeat: Duration
  ) throws(SupervisionError) -> ControlPacket {
    let header = BeginHeader(
      worker: plan.name, supervisor: getpid(), heartbeatMilliseconds: max(1, heartbeat.wholeNanoseconds / 1_000_000),
      confinement: plan.confinement)
    return try ControlPacket(.begin, generation, header: header)
  }

  /// Nothing to read; what is written goes where this process's errors go, as its standard output may be a protocol.
  private static func standardDescriptors() throws(SupervisionError) -> [Descriptor] {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { throw .system("open /dev/null", errno) }
    let nothing = Descriptor(null)
    let errors = fcntl(2, F_DUPFD_CLOEXEC, 3)
    let output = errors >= 0 ? Descriptor(errors) : nothing
    return [nothing, output, output]
  }

  /// This process's environment without what was meant for it alone.
  private static func workerEnvironment() -> [String] {
    let own = ["LISTEN_", "NOTIFY_SOCKET=", "WATCHDOG_", "SWIFT_BACKTRACE="]
    // The backtracer needs what the filter forbids, and would hang in a crashed worker instead of letting it end.
    return Environment.all.filter { variable in !own.contains { variable.hasPrefix($0) } }
      + ["SWIFT_BACKTRACE=enable=no"]
  }
}
