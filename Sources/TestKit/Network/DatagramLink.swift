import WireKit

/// A network of datagrams in memory: loses, delays, duplicates and reorders as it is told, by a seed.
public struct DatagramLink<Address: Hashable & Sendable>: Sendable {
  public struct Faults: Sendable {
    /// The chance that a datagram is lost, 0...1.
    public var loss: Double
    /// The chance that it arrives twice, 0...1.
    public var duplication: Double
    /// The shortest and the longest way; datagrams overtake each other when they differ.
    public var delay: ClosedRange<Duration>
    /// Longer datagrams are lost.
    public var maximumSize: Int

    public init(
      loss: Double = 0, duplication: Double = 0, delay: ClosedRange<Duration> = .milliseconds(1) ... .milliseconds(1),
      maximumSize: Int = 65_535
    ) {
      self.loss = loss
      self.duplication = duplication
      self.delay = delay
      self.maximumSize = maximumSize
    }
  }

  public struct Datagram: Sendable {
    public var source: Address
    public var destination: Address
    public var bytes: [UInt8]
  }

  private struct Flight: Sendable {
    var arrival: MonotonicTime
    var order: UInt64
    var datagram: Datagram
  }

  public private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
  private var flights: [Flight] = []
  private var generator: SeededGenerator
  private var order: UInt64 = 0
  private let faults: Faults

  public init(seed: UInt64, faults: Faults = Faults()) {
    generator = SeededGenerator(seed: seed)
    self.faults = faults
  }

  /// Sends a datagram on its way.
  public mutating func send(_ bytes: [UInt8], from source: Address, to destination: Address) {
    guard bytes.count <= faults.maximumSize, !generator.chance(faults.loss) else { return }
    let copies = generator.chance(faults.duplication) ? 2 : 1
    for _ in 0..<copies {
      let span = (faults.delay.upperBound - faults.delay.lowerBound).wholeNanoseconds
      let delay = faults.delay.lowerBound + .nanoseconds(Int64.random(in: 0...max(0, span), using: &generator))
      flights.append(
        Flight(
          arrival: now + delay, order: order,
          datagram: Datagram(source: source, destination: destination, bytes: bytes)))
      order += 1
    }
  }

  /// The next datagram that arrives not later than `limit`; the clock moves to its arrival, or to `limit` when there is none.
  public mutating func next(before limit: MonotonicTime) -> Datagram? {
    guard
      let index = flights.indices.min(by: {
        (flights[$0].arrival, flights[$0].order) < (flights[$1].arrival, flights[$1].order)
      }), flights[index].arrival <= limit
    else {
      now = max(now, limit)
      return nil
    }
    let flight = flights.remove(at: index)
    now = max(now, flight.arrival)
    return flight.datagram
  }
}
