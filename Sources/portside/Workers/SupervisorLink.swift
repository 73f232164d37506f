import Foundation
import Operation
import Supervision

/// The gate's way to the supervisor.
struct SupervisorLink: Sendable {
  /// How long a scrape of the metrics waits for it.
  private static let scrapeLimit = Duration.seconds(2)

  let channel: WorkerChannel

  func ask(_ question: SupervisorQuestion, within limit: Duration = .seconds(90)) async -> SupervisorAnswer {
    guard let bytes = try? JSONEncoder().encode(question), let answer = await channel.ask(Array(bytes), within: limit)
    else {
      return .failure("the supervisor does not answer")
    }
    return (try? JSONDecoder().decode(SupervisorAnswer.self, from: Data(answer)))
      ?? .failure("the supervisor gave no answer to that")
  }

  /// What it alone knows of the workers, for the metrics page. The label `worker` is the one that is told of.
  func metrics() async -> String {
    guard case .status(let status) = await ask(.status, within: Self.scrapeLimit) else { return "" }
    let registry = MetricsRegistry()
    for worker in status.workers {
      registry.counter(
        "portside_worker_restarts_total", help: "How often a worker was started again.",
        ["worker": worker.name.rawValue]
      ).add(UInt64(worker.restarts))
      registry.gauge("portside_worker_up", help: "1 for a worker that is ready.", ["worker": worker.name.rawValue])
        .set(worker.state == .ready ? 1 : 0)
    }
    return registry.text()
  }
}
