import Services
import Synchronization

/// A number that only rises.
public final class Counter: Sendable {
  private let value = Atomic<UInt64>(0)
  public init() {}
  public func add(_ count: UInt64 = 1) { value.add(count, ordering: .relaxed) }
  public var current: UInt64 { value.load(ordering: .relaxed) }
}

/// A number that rises and falls.
public final class Gauge: Sendable {
  private let value = Atomic<Int64>(0)
  public init() {}
  public func add(_ count: Int64) { value.add(count, ordering: .relaxed) }
  public func set(_ number: Int64) { value.store(number, ordering: .relaxed) }
  public var current: Int64 { value.load(ordering: .relaxed) }
}

/// How often durations fell under each of some bounds: from 16 µs to 64 s, each bound four times the one before.
public final class DurationHistogram: Sendable {
  /// Upper bounds in nanoseconds; the last bucket, above all of them, has none.
  static let bounds = MeterReading.bounds

  struct Snapshot: Sendable {
    var counts = [UInt64](repeating: 0, count: DurationHistogram.bounds.count + 1)
    var nanoseconds: UInt64 = 0
    var total: UInt64 { counts.reduce(0, +) }
  }

  private let state = Mutex(Snapshot())

  public init() {}

  public func record(nanoseconds: UInt64) {
    let index = Self.bounds.firstIndex { nanoseconds <= $0 } ?? Self.bounds.count
    state.withLock { state in
      state.counts[index] += 1
      state.nanoseconds &+= nanoseconds
    }
  }

  var snapshot: Snapshot { state.withLock { $0 } }
}
