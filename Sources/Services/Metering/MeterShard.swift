import Synchronization

/// The counters that one thread (an event loop, a receive thread) counts on: an array of numbers, no lock, no allocation, and
/// no memory that another thread writes to as well. Any thread may count on any shard; it only costs more.
///
/// unchecked: the memory is allocated with the object, freed with it, and holds nothing but atomics.
public final class MeterShard: @unchecked Sendable {
  enum Cell: Int, CaseIterable {
    case opened, closed, bytesIn, bytesOut
  }

  /// Cells of one operation: its outcomes, its buckets, its time in all.
  static let operationCells = OperationOutcome.allCases.count + MeterReading.bounds.count + 2
  /// Counters of two shards must not lie on one line of the cache.
  private static let padding = 16

  private let cells: UnsafeMutablePointer<Atomic<UInt64>>
  private let count: Int
  private let operations: Int

  init(operations: Int) {
    self.operations = operations
    count = Cell.allCases.count + operations * Self.operationCells
    let all = count + 2 * Self.padding
    let memory = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: all)
    for index in 0..<all { (memory + index).initialize(to: Atomic(0)) }
    cells = memory + Self.padding
  }

  deinit {
    let memory = cells - Self.padding
    memory.deinitialize(count: count + 2 * Self.padding)
    memory.deallocate()
  }

  /// A connection has begun.
  public func noteOpened() { add(1, at: Cell.opened.rawValue) }

  /// A connection has ended.
  public func noteClosed() { add(1, at: Cell.closed.rawValue) }

  /// Bytes of the protocol, inside TLS where there is TLS.
  public func note(bytesIn: Int = 0, bytesOut: Int = 0) {
    if bytesIn > 0 { add(UInt64(bytesIn), at: Cell.bytesIn.rawValue) }
    if bytesOut > 0 { add(UInt64(bytesOut), at: Cell.bytesOut.rawValue) }
  }

  /// An operation has ended, or `times` of them, each after this time. One that the table does not have is not counted.
  public func note(_ operation: Int, _ outcome: OperationOutcome, nanoseconds: Int64, times: UInt64 = 1) {
    guard operation >= 0, operation < operations, times > 0 else { return }
    let first = Cell.allCases.count + operation * Self.operationCells
    let outcomes = OperationOutcome.allCases.count
    let time = UInt64(max(0, nanoseconds))
    add(times, at: first + outcome.rawValue)
    add(times, at: first + outcomes + MeterReading.bucket(of: time))
    add(time &* times, at: first + Self.operationCells - 1)
  }

  private func add(_ number: UInt64, at cell: Int) { cells[cell].add(number, ordering: .relaxed) }

  private func value(at cell: Int) -> UInt64 { cells[cell].load(ordering: .relaxed) }

  /// Adds what was counted here to a reading of the same operations.
  func add(to reading: inout MeterReading) {
    reading.opened &+= value(at: Cell.opened.rawValue)
    reading.closed &+= value(at: Cell.closed.rawValue)
    reading.bytesIn &+= value(at: Cell.bytesIn.rawValue)
    reading.bytesOut &+= value(at: Cell.bytesOut.rawValue)
    let outcomes = OperationOutcome.allCases.count
    for index in 0..<operations {
      let first = Cell.allCases.count + index * Self.operationCells
      for outcome in 0..<outcomes { reading.operations[index].outcomes[outcome] &+= value(at: first + outcome) }
      for bucket in 0...MeterReading.bounds.count {
        reading.operations[index].buckets[bucket] &+= value(at: first + outcomes + bucket)
      }
      reading.operations[index].nanoseconds &+= value(at: first + Self.operationCells - 1)
    }
  }
}
