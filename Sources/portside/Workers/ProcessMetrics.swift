import Gate
import Operation
import Services

/// Everything that a process counts: its metrics by name, and the meters of its services and stores.
struct ProcessMetrics: Sendable {
  let registry = MetricsRegistry()
  let meters = Meters()
  let worker: String

  init(worker: String) { self.worker = worker }

  var text: String {
    let extra = ["worker": worker]
    return MetricsText.merged([registry.text(extra: extra), MetricsText.text(of: meters, extra: extra)])
  }

  /// Counts log-ins, by service, method and result.
  var logIns: @Sendable (LogInOutcome) -> Void {
    let registry = registry
    return { outcome in
      registry.counter(
        "portside_logins_total", help: "Log-ins, by service, method and result.",
        ["service": outcome.service.rawValue, "method": outcome.method, "result": outcome.result.rawValue]
      ).add()
      registry.histogram(
        "portside_login_seconds", help: "How long log-ins took, the hash included.", ["method": outcome.method]
      ).record(nanoseconds: UInt64(max(0, outcome.nanoseconds)))
    }
  }

  /// Counts what sources are punished for, by class and service.
  var penalties: @Sendable (Misbehaviour, ServiceName) -> Void {
    let registry = registry
    return { misbehaviour, service in
      registry.counter(
        "portside_penalties_total", help: "Misbehaviour that counts towards penalties, by class and service.",
        ["class": misbehaviour.rawValue, "service": service.rawValue]
      ).add()
    }
  }
}
