/// The counters of one service, or of one store, in this process: a shard for each thread that counts, added up when somebody asks.
///
/// Names of operations are constants of the program. What a peer says never becomes one, so the number of metrics is bounded.
public final class Meter: Sendable {
  /// More threads than this share shards. A power of two.
  private static let shardBits = 3

  public let operations: [String]
  private let shards: [MeterShard]

  public init(operations: [String]) {
    self.operations = operations
    shards = (0..<1 << Self.shardBits).map { _ in MeterShard(operations: operations.count) }
  }

  /// The shard for a thread, by any number that is its own (an index, an address).
  public func shard(_ number: Int) -> MeterShard {
    // Fibonacci hashing: addresses differ in their middle bits.
    shards[
      Int(truncatingIfNeeded: (UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15) >> (64 - Self.shardBits))]
  }

  /// For what happens seldom: an operation on no thread in particular.
  public func note(_ operation: Int, _ outcome: OperationOutcome, nanoseconds: Int64) {
    shards[0].note(operation, outcome, nanoseconds: nanoseconds)
  }

  public var reading: MeterReading {
    var reading = MeterReading(operations)
    for shard in shards { shard.add(to: &reading) }
    return reading
  }
}
