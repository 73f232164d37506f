/// What a meter has counted so far.
public struct MeterReading: Sendable, Hashable {
  /// Upper bounds of the buckets of durations in nanoseconds: from 16 µs to 64 s, each four times the one before. The last bucket,
  /// above all of them, has none.
  public static let bounds: [UInt64] = (0..<12).map { 16_000 << UInt64($0 * 2) }

  /// One kind of operation.
  public struct Operation: Sendable, Hashable {
    public var name: String
    /// By `OperationOutcome.rawValue`.
    public var outcomes = [UInt64](repeating: 0, count: OperationOutcome.allCases.count)
    /// How many took up to each bound, and longer than that of the bucket before.
    public var buckets = [UInt64](repeating: 0, count: MeterReading.bounds.count + 1)
    /// All of them together.
    public var nanoseconds: UInt64 = 0

    public var total: UInt64 { buckets.reduce(0, &+) }
  }

  public var opened: UInt64 = 0
  public var closed: UInt64 = 0
  public var bytesIn: UInt64 = 0
  public var bytesOut: UInt64 = 0
  public var operations: [Operation]

  init(_ names: [String]) { operations = names.map { Operation(name: $0) } }

  /// The bucket that a duration belongs to, found without a look at `bounds`: each is two bits wider than the one before.
  static func bucket(of nanoseconds: UInt64) -> Int {
    guard nanoseconds > 16_000 else { return 0 }
    // 16,000 << 2k holds numbers whose quotient by 16,000, rounded up, is at most 4^k.
    let quotient = (nanoseconds - 1) / 16_000
    return min(bounds.count, (UInt64.bitWidth - quotient.leadingZeroBitCount + 1) / 2)
  }

  /// Puts another reading of the same service beside this one; operations of one name become one.
  public mutating func add(_ other: MeterReading) {
    opened &+= other.opened
    closed &+= other.closed
    bytesIn &+= other.bytesIn
    bytesOut &+= other.bytesOut
    for operation in other.operations {
      guard let index = operations.firstIndex(where: { $0.name == operation.name }) else {
        operations.append(operation)
        continue
      }
      for place in operation.outcomes.indices { operations[index].outcomes[place] &+= operation.outcomes[place] }
      for place in operation.buckets.indices { operations[index].buckets[place] &+= operation.buckets[place] }
      operations[index].nanoseconds &+= operation.nanoseconds
    }
  }
}
