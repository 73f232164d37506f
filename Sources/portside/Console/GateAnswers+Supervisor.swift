import ConsoleCore
import Gate
import Services
import Supervision

/// What the gate has the supervisor do.
extension GateAnswers {
  func reload(_ question: ConsoleQuestion, _ caller: ConsoleCaller) async -> ConsoleAnswer {
    switch await supervisor.ask(.reload) {
    case .reloaded(let report):
      await audit("configuration reloaded", Self.words(report).joined(separator: "; "), caller)
      return .done(Self.words(report).joined(separator: "\n"))
    case .failure(let text): return .failure(text)
    default: return .failure("the supervisor gave an answer that does not fit")
    }
  }

  private static func words(_ report: ReloadReport) -> [String] {
    let lines = [
      ("started", report.started), ("stopped", report.stopped), ("changed", report.changed),
      ("replaced", report.replaced), ("unaffected", report.unaffected),
    ].filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1.map(\.rawValue).joined(separator: ", "))" }
    return lines + report.problems.map { "problem: \($0)" }
  }

  func showProcesses(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    guard case .status(let status) = await supervisor.ask(.status, within: .seconds(5)) else {
      return .failure("the supervisor does not answer")
    }
    return question.page(
      ProgramCommands.processes.columns,
      status.workers.map { worker in
        [
          worker.name.rawValue, worker.state.rawValue, worker.pid.map { "\($0)" } ?? "", worker.since.rfc3339,
          "\(worker.restarts)", worker.lastExit ?? "",
        ]
      })
  }

  func configure(_ question: ConsoleQuestion, _ caller: ConsoleCaller) async -> ConsoleAnswer {
    guard let request = await request(question, caller) else {
      return .failure("not permitted: the sections auth and roles need console:accounts as well")
    }
    switch await supervisor.ask(.configuration(request)) {
    case .rows(let rows):
      let columns = ConfigureCommands.all.first { $0.name == question.command }?.columns ?? []
      return question.page(columns, rows)
    case .done(let text): return .done(text)
    case .failure(let text): return .failure(text)
    default: return .failure("the supervisor gave an answer that does not fit")
    }
  }

  private func changesRights() async -> Bool {
    guard case .rows(let rows) = await supervisor.ask(.configuration(.compare(back: 0))) else { return false }
    return rows.contains { row in row.first.map { ConfigureCommands.needsAccounts(String($0.dropFirst(2))) } ?? false }
  }

  /// `nil` when the caller may not.
  private func request(_ question: ConsoleQuestion, _ caller: ConsoleCaller) async -> ConfigurationRequest? {
    let values = question.values
    let key = values.first ?? ""
    switch question.command {
    case ConfigureCommands.show.name: return .show(values.first)
    case ConfigureCommands.keys.name: return .keys
    case ConfigureCommands.set.name, ConfigureCommands.delete.name:
      if ConfigureCommands.needsAccounts(key), await !caller.permits("console:accounts") { return nil }
      return question.command == ConfigureCommands.delete.name
        ? .delete(key: key) : .set(key: key, value: values.dropFirst().joined(separator: " "))
    case ConfigureCommands.compare.name: return .compare(back: values.first.flatMap { Int($0) } ?? 0)
    case ConfigureCommands.check.name: return .check
    case ConfigureCommands.commit.name:
      // A candidate may have come from somebody who may do more, or from an old version.
      if await changesRights(), await !caller.permits("console:accounts") { return nil }
      return .commit(
        confirmMinutes: question.options["confirm"].flatMap { Int($0) }, comment: question.options["comment"],
        ConfigurationActor(
          account: caller.name, session: caller.session?.id, service: caller.session?.service,
          peer: caller.session?.peer))
    case ConfigureCommands.discard.name: return .discard
    case ConfigureCommands.rollback.name: return .rollback(values.first.flatMap { Int($0) } ?? 0)
    default: return .history
    }
  }

  /// What an administrator did stands in the trail before the answer is shown.
  func audit(_ action: String, _ after: String?, _ caller: ConsoleCaller) async {
    try? await trail.append([
      AuditEntry(
        time: clock.wallTime(), actor: caller.name, action: action, after: after, session: caller.session?.id,
        service: caller.session?.service, peer: caller.session?.peer)
    ])
  }
}
