import Services

extension MetricsText {
  /// The meters of a process in the exposition format, with `extra` labels (the worker's name) on every sample.
  public static func text(of meters: Meters, extra: MetricsRegistry.Labels = [:]) -> String {
    var writer = MetersWriter(extra: extra)
    let services = meters.serviceReadings
    writer.family("portside_service_connections_total", "counter", "Connections taken, by service.") { writer in
      for (name, reading) in services { writer.sample(["service": name], reading.opened) }
    }
    writer.family("portside_service_connections", "gauge", "Connections that stand, by service.") { writer in
      for (name, reading) in services {
        writer.sample(["service": name], reading.opened &- min(reading.opened, reading.closed))
      }
    }
    writer.family(
      "portside_service_bytes_total", "counter", "Bytes of the protocols, inside TLS where there is TLS."
    ) { writer in
      for (name, reading) in services {
        writer.sample(["service": name, "direction": "in"], reading.bytesIn)
        writer.sample(["service": name, "direction": "out"], reading.bytesOut)
      }
    }
    writer.family("portside_operations_total", "counter", "Operations by service and result.") { writer in
      for (name, reading) in services {
        for operation in reading.operations where operation.total > 0 {
          for outcome in OperationOutcome.allCases {
            writer.sample(
              ["service": name, "operation": operation.name, "result": outcome.name],
              operation.outcomes[outcome.rawValue])
          }
        }
      }
    }
    writer.family("portside_operation_seconds", "histogram", "How long operations took.") { writer in
      for (name, reading) in services {
        for operation in reading.operations where operation.total > 0 {
          writer.histogram(["service": name, "operation": operation.name], operation)
        }
      }
    }
    writer.family("portside_store_seconds", "histogram", "How long stores took to read and to commit.") { writer in
      for (name, reading) in meters.storeReadings {
        for operation in reading.operations {
          writer.histogram(["store": name, "operation": operation.name], operation)
        }
      }
    }
    return writer.text
  }
}

/// Writes families of samples; one without a sample is left out.
private struct MetersWriter {
  let extra: MetricsRegistry.Labels
  var text = ""
  private var name = ""

  init(extra: MetricsRegistry.Labels) { self.extra = extra }

  mutating func family(_ name: String, _ type: String, _ help: String, _ body: (inout MetersWriter) -> Void) {
    self.name = name
    let heading = "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    let before = text
    text = ""
    body(&self)
    text = text.isEmpty ? before : before + heading + text
  }

  mutating func sample(_ labels: MetricsRegistry.Labels, _ value: UInt64) { line(name, labels, "\(value)") }

  mutating func histogram(_ labels: MetricsRegistry.Labels, _ operation: MeterReading.Operation) {
    var running: UInt64 = 0
    for (bound, count) in zip(MeterReading.bounds, operation.buckets) {
      running &+= count
      line("\(name)_bucket", labels.merging(["le": String(Double(bound) / 1e9)]) { $1 }, "\(running)")
    }
    line("\(name)_bucket", labels.merging(["le": "+Inf"]) { $1 }, "\(operation.total)")
    line("\(name)_sum", labels, "\(Double(operation.nanoseconds) / 1e9)")
    line("\(name)_count", labels, "\(operation.total)")
  }

  /// Labels are constants of the program, which need no escapes.
  private mutating func line(_ name: String, _ labels: MetricsRegistry.Labels, _ value: String) {
    let list = labels.merging(extra) { $1 }.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
    text += "\(name){\(list.joined(separator: ","))} \(value)\n"
  }
}
