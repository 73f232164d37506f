import Synchronization

/// The metrics of a process, and their text in Prometheus' exposition format (version 0.0.4).
///
/// A metric is made once and then counted on its own object, without a look-up.
public final class MetricsRegistry: Sendable {
  public typealias Labels = [String: String]

  private enum Source: Sendable {
    case counter(Counter)
    case gauge(Gauge)
    case histogram(DurationHistogram)
    case reading(@Sendable () -> Double)

    var type: String {
      switch self {
      case .counter: "counter"
      case .gauge, .reading: "gauge"
      case .histogram: "histogram"
      }
    }
  }

  private struct Family: Sendable {
    var help: String
    var members: [Labels: Source] = [:]
  }

  private let families = Mutex<[String: Family]>([:])

  public init() {}

  /// The counter of this name and these labels; always the same one. Names end in `_total`.
  public func counter(_ name: String, help: String, _ labels: Labels = [:]) -> Counter {
    if case .counter(let counter) = member(name, help, labels, make: { .counter(Counter()) }) { return counter }
    preconditionFailure("\(name) is no counter")
  }

  /// The gauge of this name and these labels; always the same one.
  public func gauge(_ name: String, help: String, _ labels: Labels = [:]) -> Gauge {
    if case .gauge(let gauge) = member(name, help, labels, make: { .gauge(Gauge()) }) { return gauge }
    preconditionFailure("\(name) is no gauge")
  }

  /// The histogram of this name and these labels; always the same one. Names end in `_seconds`.
  public func histogram(_ name: String, help: String, _ labels: Labels = [:]) -> DurationHistogram {
    if case .histogram(let histogram) = member(name, help, labels, make: { .histogram(DurationHistogram()) }) {
      return histogram
    }
    preconditionFailure("\(name) is no histogram")
  }

  /// A gauge that is read whenever somebody asks.
  public func reading(
    _ name: String, help: String, _ labels: Labels = [:], read: @escaping @Sendable () -> Double
  ) {
    families.withLock { families in
      families[name, default: Family(help: help)].members[labels] = .reading(read)
    }
  }

  private func member(_ name: String, _ help: String, _ labels: Labels, make: () -> Source) -> Source {
    families.withLock { families in
      if let found = families[name]?.members[labels] { return found }
      let source = make()
      families[name, default: Family(help: help)].members[labels] = source
      return source
    }
  }

  /// The text, with `extra` labels (the worker's name) on every sample. Stable order.
  public func text(extra: Labels = [:]) -> String {
    let families = families.withLock { $0 }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      guard let type = family.members.first?.value.type else { continue }
      text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(type)\n"
      let members = family.members.map { (labels: $0.key.merging(extra) { $1 }, source: $0.value) }
      for member in members.sorted(by: { Self.list($0.labels) < Self.list($1.labels) }) {
        text += Self.samples(name, member.labels, member.source)
      }
    }
    return text
  }

  private static func samples(_ name: String, _ labels: Labels, _ source: Source) -> String {
    switch source {
    case .counter(let counter): return "\(name)\(braces(labels)) \(counter.current)\n"
    case .gauge(let gauge): return "\(name)\(braces(labels)) \(gauge.current)\n"
    case .reading(let read): return "\(name)\(braces(labels)) \(read())\n"
    case .histogram(let histogram):
      let snapshot = histogram.snapshot
      var text = ""
      var running: UInt64 = 0
      for (bound, count) in zip(DurationHistogram.bounds, snapshot.counts) {
        running += count
        let labels = labels.merging(["le": String(Double(bound) / 1e9)]) { $1 }
        text += "\(name)_bucket\(braces(labels)) \(running)\n"
      }
      text += "\(name)_bucket\(braces(labels.merging(["le": "+Inf"]) { $1 })) \(snapshot.total)\n"
      text += "\(name)_sum\(braces(labels)) \(Double(snapshot.nanoseconds) / 1e9)\n"
      return text + "\(name)_count\(braces(labels)) \(snapshot.total)\n"
    }
  }

  private static func braces(_ labels: Labels) -> String { labels.isEmpty ? "" : "{\(list(labels))}" }

  private static func list(_ labels: Labels) -> String {
    labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",")
  }

  private static func escaped(_ value: String) -> String {
    value.reduce(into: "") { result, character in
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
  }
}
