import Foundation
import Services
import Supervision

/// A worker: this same program, started by the supervisor.
enum WorkerProcess {
  /// Never returns. To be called before any other thread exists (`WorkerBootstrap`).
  static func run() -> Never {
    let channel = WorkerBootstrap.start()
    Task { await serve(channel) }
    dispatchMain()
  }

  private static func serve(_ channel: WorkerChannel) async {
    var worker: (any Worker)?
    for await command in channel.commands {
      switch command {
      case .configure(let configuration):
        do {
          let settings = try JSONDecoder().decode(WorkerSettings.self, from: Data(configuration.bytes))
          if let worker {
            try await worker.apply(settings, configuration.sockets)
          } else {
            worker = try await start(channel, settings, configuration.sockets)
          }
          channel.ready(configuration.generation)
        } catch {
          guard worker != nil else { channel.fail(String(describing: error)) }
          channel.refuse(configuration.generation, reason: String(describing: error))
        }
      case .drain(let limit):
        await worker?.drain(within: limit)
        exit(0)
      }
    }
  }

  private static func start(
    _ channel: WorkerChannel, _ settings: WorkerSettings, _ sockets: [InheritedSocket]
  ) async throws -> any Worker {
    switch channel.name {
    case .gate: try await GateWorker.start(settings, sockets, SupervisorLink(channel: channel))
    case let name: try await HostingWorker.start(name, settings, sockets)
    }
  }
}

/// What a worker does once it runs.
protocol Worker: Sendable {
  /// Takes over a new configuration and set of sockets. Throws when it can't; then everything is as before.
  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws
  /// Finishes what is under way, within the limit.
  func drain(within limit: Duration) async
}
