import Services
import Synchronization

/// Turns events into metrics: operations into counts and latencies, log events into counts by severity.
public final class EventMetrics: EventSink {
  private struct Key: Hashable {
    var service: ServiceName?
    var name: String
    var result: String
  }

  /// Names come from our own code, so there are few; this bound holds even where a mistake lets a peer choose them.
  private static let maximumKeys = 1_024

  private let registry: MetricsRegistry
  private let operations = Mutex<[Key: (Counter, DurationHistogram)]>([:])
  private let events: [Counter]

  public init(_ registry: MetricsRegistry) {
    self.registry = registry
    events = Event.Severity.allCases.map {
      registry.counter("portside_events_total", help: "Events by severity.", ["severity": $0.name])
    }
  }

  public func isWatched(_ service: ServiceName) -> Bool { false }

  public func emit(_ event: Event) {
    switch event.kind {
    case .log, .audit: events[Int(event.severity.rawValue)].add()
    case .conversation: break
    case .operation(let name, let result, let nanoseconds):
      guard let (counter, histogram) = metrics(Key(service: event.service, name: name, result: result)) else { return }
      counter.add()
      histogram.record(nanoseconds: nanoseconds)
    }
  }

  private func metrics(_ key: Key) -> (Counter, DurationHistogram)? {
    operations.withLock { operations in
      if let found = operations[key] { return found }
      guard operations.count < Self.maximumKeys else { return nil }
      let service = key.service?.rawValue ?? "portside"
      let made = (
        registry.counter(
          "portside_operations_total", help: "Operations by service and result.",
          ["service": service, "operation": key.name, "result": key.result]),
        registry.histogram(
          "portside_operation_seconds", help: "How long operations took.",
          ["service": service, "operation": key.name])
      )
      operations[key] = made
      return made
    }
  }
}
