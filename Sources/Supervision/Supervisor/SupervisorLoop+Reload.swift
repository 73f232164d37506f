import Glibc
import Services
import WireKit

/// Who asked for a reload, and is told how it went.
enum ReloadAsker: Sendable {
  case caller(Mailbox.Reply<ReloadReport>)
  case client(CommandServer.ClientID)
  case signal
}

/// A reload whose workers have been told and have not all answered.
struct PendingReload {
  var report: ReloadReport
  /// Workers, and the hand-over that each is to be ready with, or a later one.
  var waiting: [(worker: Worker, generation: UInt32)]
  var deadline: MonotonicTime
  var askers: [ReloadAsker]
}

/// From one plan to the next.
extension SupervisorLoop {
  /// Asks for the plan; the askers are told when the workers are ready with it, or it is refused.
  func reload(_ askers: [ReloadAsker]) {
    if isStopping { return answer(askers, .failure(SupervisionError(.notRunning, "the supervisor is stopping"))) }
    guard !isLoading, pending == nil else { return reloadAgain += askers }
    isLoading = true
    loadAskers = askers
    notifier.sendReloading()
    Task { [loadPlan, mailbox] in
      do {
        mailbox.post(.loaded(.success(try await loadPlan())))
      } catch {
        let refusal = error as? SupervisionError ?? SupervisionError(.refused, "\(error)")
        mailbox.post(.loaded(.failure(refusal)))
      }
    }
  }

  /// The plan is there, or why not.
  func loaded(_ result: Result<SupervisionPlan, SupervisionError>) {
    isLoading = false
    let askers = loadAskers
    loadAskers = []
    if isStopping { return answer(askers, .failure(SupervisionError(.notRunning, "the supervisor is stopping"))) }
    do throws(SupervisionError) {
      try apply(try result.get(), askers)
    } catch {
      emit(.error, "reload refused; the old plan stays in force", [.init("reason", .string(error.description))])
      answer(askers, .failure(error))
      afterReload("reload refused: \(error)")
    }
  }

  /// Finds what would make a plan fail on this machine before anything is changed.
  static func check(_ plan: SupervisionPlan, heartbeat: Duration) throws(SupervisionError) {
    try plan.validate()
    for worker in plan.workers {
      _ = try beginPacket(worker, 0, heartbeat: heartbeat)
      guard geteuid() == 0, let user = worker.confinement.user else { continue }
      _ = try UserRecord(named: user)
      if let group = worker.confinement.group { _ = try UserRecord.group(named: group) }
    }
  }

  private func apply(_ new: SupervisionPlan, _ askers: [ReloadAsker]) throws(SupervisionError) {
    try Self.check(new, heartbeat: options.heartbeatInterval)
    let next = try registry.prepared(for: new, inherited: &inherited)
    if new.helper != plan.helper {
      // Its socket's file is one and the same: the old one goes first.
      helper = nil
      helper = if let plan = new.helper { try HelperServer(plan, executable: options.executable) } else { nil }
    }
    // From here on nothing throws. Sockets that are no longer planned stay bound until the workers have been told.
    let before = registry
    registry = next
    var report = ReloadReport()
    report.problems = next.settle().map(\.description)
    var waiting: [(worker: Worker, generation: UInt32)] = []
    let difference = PlanDifference(from: plan, to: new)
    let running = workers
    workers = []
    for (plan, step) in difference.steps {
      guard step != .start, let worker = running.first(where: { $0.plan.name == plan.name }) else {
        report.started.append(plan.name)
        waiting.append((add(plan), 1))
        continue
      }
      switch step {
      case .keep: report.unaffected.append(plan.name)
      case .replace where worker.process != nil:
        report.replaced.append(plan.name)
        waiting.append((add(plan), 1))
        retire(worker)
        continue
      case .tell, .replace, .start:
        report.changed.append(plan.name)
        worker.plan = plan
        // One without a process gets it all when it starts.
        if worker.process != nil { tell(worker) }
        waiting.append((worker, worker.process == nil ? worker.generation &+ 1 : worker.generation))
      }
      workers.append(worker)
    }
    for worker in running where difference.stopped.contains(worker.plan.name) {
      report.stopped.append(worker.plan.name)
      retire(worker)
    }
    plan = new
    withExtendedLifetime(before) {}
    pending = PendingReload(
      report: report, waiting: waiting, deadline: clock.now() + options.reloadLimit, askers: askers)
  }

  private func add(_ plan: WorkerPlan) -> Worker {
    let worker = Worker(plan, now: clock.now(), since: clock.wallTime())
    workers.append(worker)
    start(worker)
    return worker
  }

  private func retire(_ worker: Worker) {
    retired.append(worker)
    drain(worker)
  }

  /// Whether the workers of a reload have all answered, or have had their time.
  func checkReload() {
    guard let pending else { return }
    let isLate = pending.deadline <= clock.now() || isStopping
    var problems: [String] = []
    for (worker, generation) in pending.waiting {
      if worker.phase == .ready, worker.acknowledged >= generation { continue }
      let name = worker.plan.name
      if worker.refused == generation {
        problems.append("\(name) goes on with its old configuration: \(worker.remark ?? "no reason given")")
      } else if worker.isFailing || isLate {
        problems.append("\(name) is not ready: \(worker.remark ?? worker.lastExit ?? "no answer in time")")
      } else {
        return
      }
    }
    self.pending = nil
    var report = pending.report
    report.problems += problems
    emit(
      problems.isEmpty ? .notice : .error, "reload applied",
      [
        .init("started", names(report.started)), .init("stopped", names(report.stopped)),
        .init("changed", names(report.changed)), .init("replaced", names(report.replaced)),
        .init("problems", .string(report.problems.joined(separator: "; "))),
      ])
    answer(pending.askers, .success(report))
    afterReload(problems.isEmpty ? "serving" : problems.joined(separator: "; "))
  }

  private func names(_ workers: [WorkerName]) -> Event.Value {
    .string(workers.map(\.rawValue).joined(separator: " "))
  }

  private func afterReload(_ status: String) {
    if !isStopping { notifier.send("READY=1", "STATUS=\(status.prefix(200))") }
    let again = reloadAgain
    reloadAgain = []
    if !again.isEmpty { reload(again) }
  }
}
