import ArgumentParser
import Configuration
import Foundation
import Supervision

/// Asks the running supervisor.
private func ask(_ options: ConfigurationOptions, _ command: ControlRequest.Command) throws -> ControlAnswer {
  let folder = DataFolder(try options.load())
  do {
    return try SupervisorClient(path: folder.controlSocket).send(command)
  } catch {
    throw CommandFailure("\(error)")
  }
}

/// `portside status`: the supervisor, its workers and their sockets.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "What the running server's processes do.",
    discussion: "Exit code 1 when a worker is not ready.")
  @OptionGroup var options: ConfigurationOptions
  @Flag(help: "As JSON.") var json = false

  func run() async throws {
    guard let status = try ask(options, .status).status else { throw CommandFailure("the server gave no status") }
    if json {
      try Terminal.print(json: status)
    } else {
      var table = Table("worker", "state", "since", "pid", "restarts", "last exit", "confinement")
      for worker in status.workers {
        table.add(
          worker.name.description, worker.state.rawValue, worker.since.rfc3339, worker.pid.map(String.init) ?? "-",
          String(worker.restarts), worker.lastExit ?? "-", worker.confinement ?? "-")
      }
      Terminal.print(table.text)
      var sockets = Table("worker", "socket")
      for worker in status.workers {
        for socket in worker.sockets {
          let count = socket.count > 1 ? " ×\(socket.count)" : ""
          sockets.add(worker.name.description, "\(socket.place)\(count)")
        }
      }
      Terminal.print("\n" + sockets.text)
      for worker in status.workers {
        if let remark = worker.remark { Terminal.print("\(worker.name): \(remark)") }
      }
    }
    if status.workers.contains(where: { $0.state != .ready }) { throw ExitCode(1) }
  }
}

/// `portside reload`: puts the configuration file into force.
struct ReloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload", abstract: "Put the changed configuration into force.",
    discussion:
      "A configuration with an error is refused, and the old one goes on. Sessions that the change does not concern go on."
  )
  @OptionGroup var options: ConfigurationOptions
  @Flag(help: "As JSON.") var json = false

  func run() async throws {
    let answer = try ask(options, .reload)
    guard answer.ok, let report = answer.reload else {
      Terminal.note("portside: not reloaded:\n\(answer.error ?? "for no reason given")")
      throw ExitCode(1)
    }
    if json {
      try Terminal.print(json: report)
    } else {
      for (what, names) in [
        ("started", report.started), ("stopped", report.stopped), ("changed", report.changed),
        ("replaced", report.replaced), ("unaffected", report.unaffected),
      ] where !names.isEmpty {
        Terminal.print("\(what): \(names.map(\.description).joined(separator: ", "))")
      }
      report.problems.forEach { Terminal.print("problem: \($0)") }
    }
    if !report.problems.isEmpty { throw ExitCode(1) }
  }
}

/// `portside stop`: ends the running server in good order.
struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop the running server.",
    discussion: "Open sessions may finish, for as long as server.stop_within says.")
  @OptionGroup var options: ConfigurationOptions

  func run() async throws {
    let answer = try ask(options, .stop)
    guard answer.ok else { throw CommandFailure(answer.error ?? "the server did not stop") }
  }
}
