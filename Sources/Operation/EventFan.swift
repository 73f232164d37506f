import Services

/// Hands each event to several sinks: the log, the metrics, the gate.
public struct EventFan: EventSink {
  private let sinks: [any EventSink]

  public init(_ sinks: [any EventSink]) { self.sinks = sinks }

  public func isWatched(_ service: ServiceName) -> Bool { sinks.contains { $0.isWatched(service) } }

  public func emit(_ event: Event) {
    for sink in sinks { sink.emit(event) }
  }
}
