import Foundation
import Operation
import Services
import TestKit
import Testing
import WireKit

@Suite struct BoundedRingTests {
  @Test func losesTheOldestAndCounts() {
    let ring = BoundedRing<Int>(capacity: 3)
    #expect(ring.append(1))
    #expect(!ring.append(2))
    for number in 3...5 { ring.append(number) }
    let (elements, lost) = ring.takeAll()
    #expect(elements == [3, 4, 5] && lost == 2)
    let again = ring.takeAll()
    #expect(again.elements.isEmpty && again.lost == 0)
    #expect(ring.append(6))
  }
}

@Suite struct MetricsTests {
  @Test func rendersPrometheusText() {
    let registry = MetricsRegistry()
    registry.counter("b_total", help: "Bees.", ["kind": "a\"b\\c\nd"]).add(3)
    registry.gauge("a", help: "Ays.").set(-2)
    let histogram = registry.histogram("h_seconds", help: "Time.")
    histogram.record(nanoseconds: 10_000)
    histogram.record(nanoseconds: 1_000_000_000_000)
    let text = registry.text(extra: ["worker": "web"])
    #expect(text.contains("# TYPE a gauge\na{worker=\"web\"} -2\n"))
    #expect(text.contains(#"b_total{kind="a\"b\\c\nd",worker="web"} 3"#))
    #expect(text.contains("h_seconds_bucket{le=\"1.6e-05\",worker=\"web\"} 1\n"))
    #expect(text.contains("h_seconds_bucket{le=\"+Inf\",worker=\"web\"} 2\n"))
    #expect(text.contains("h_seconds_count{worker=\"web\"} 2\n"))
  }

  @Test func mergesFamiliesOfWorkers() {
    let texts = ["web", "names"].map { worker in
      let registry = MetricsRegistry()
      registry.counter("x_total", help: "X.").add(1)
      registry.counter("y_total", help: "Y.").add(1)
      return registry.text(extra: ["worker": worker])
    }
    #expect(
      MetricsText.merged(texts) == """
        # HELP x_total X.
        # TYPE x_total counter
        x_total{worker="web"} 1
        x_total{worker="names"} 1
        # HELP y_total Y.
        # TYPE y_total counter
        y_total{worker="web"} 1
        y_total{worker="names"} 1

        """)
  }

  @Test func countsOperations() {
    let registry = MetricsRegistry()
    let metrics = EventMetrics(registry)
    let time = WallTime(seconds: 0)
    for _ in 0..<3 {
      metrics.emit(
        Event(
          time: time, severity: .debug, kind: .operation(name: "query", result: "noerror", nanoseconds: 20_000),
          message: "answered", service: .dns))
    }
    metrics.emit(Event(time: time, severity: .error, message: "broken"))
    let text = registry.text()
    #expect(
      text.contains("portside_operations_total{operation=\"query\",result=\"noerror\",service=\"dns\"} 3"))
    #expect(text.contains("portside_events_total{severity=\"error\"} 1"))
  }
}

@Suite struct LogWriterTests {
  @Test func writesLinesOfTheSeverityAndAbove() throws {
    var descriptors: [Int32] = [0, 0]
    #expect(pipe(&descriptors) == 0)
    defer { descriptors.forEach { _ = close($0) } }
    let clock = ManualClock()
    let log = LogWriter(descriptor: descriptors[1], format: .json, threshold: .notice, clock: clock)
    log.emit(Event(time: clock.wallTime(), severity: .info, message: "quiet"))
    log.emit(Event(time: clock.wallTime(), severity: .error, message: "loud"))
    log.flush()
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptors[0], &buffer, buffer.count)
    let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    #expect(text.contains("loud") && !text.contains("quiet"))
  }
}

struct MetersTextTests {
  @Test func metersInTheExpositionFormat() {
    let meters = Meters()
    let shard = meters.meter(.imap, ["fetch", "store"]).shard(0)
    shard.noteOpened()
    shard.note(bytesIn: 5, bytesOut: 7)
    shard.note(0, .ok, nanoseconds: 20_000)
    meters.store("mail").note(0, .ok, nanoseconds: 1)
    let text = MetricsText.text(of: meters, extra: ["worker": "mail"])
    for line in [
      "# TYPE portside_operation_seconds histogram",
      #"portside_service_connections_total{service="imap",worker="mail"} 1"#,
      #"portside_service_connections{service="imap",worker="mail"} 1"#,
      #"portside_service_bytes_total{direction="out",service="imap",worker="mail"} 7"#,
      #"portside_operations_total{operation="fetch",result="ok",service="imap",worker="mail"} 1"#,
      #"portside_operation_seconds_bucket{le="1.6e-05",operation="fetch",service="imap",worker="mail"} 0"#,
      #"portside_operation_seconds_bucket{le="6.4e-05",operation="fetch",service="imap",worker="mail"} 1"#,
      #"portside_operation_seconds_bucket{le="+Inf",operation="fetch",service="imap",worker="mail"} 1"#,
      #"portside_operation_seconds_count{operation="fetch",service="imap",worker="mail"} 1"#,
      #"portside_store_seconds_count{operation="read",store="mail",worker="mail"} 1"#,
    ] {
      #expect(text.contains(line + "\n"), "\(line)\n\(text)")
    }
    // What never happened takes no room.
    #expect(!text.contains(#"operation="store""#))
  }
}
