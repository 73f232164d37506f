import WireKit

/// A connection between two sessions in memory: bytes arrive in order, in pieces of random size after random delays, and the
/// connection may break at any point. The same seed gives the same run.
public struct StreamLink {
  public struct Faults: Sendable {
    /// Most bytes that arrive in one piece.
    public var maximumPiece: Int
    /// Most time that passes between two pieces.
    public var maximumDelay: Duration
    /// The chance, at each piece, that the connection breaks instead.
    public var breakChance: Double

    public init(maximumPiece: Int = 1_500, maximumDelay: Duration = .milliseconds(50), breakChance: Double = 0) {
      self.maximumPiece = maximumPiece
      self.maximumDelay = maximumDelay
      self.breakChance = breakChance
    }
  }

  /// How a run ended.
  public enum Outcome: Sendable, Equatable {
    /// Nobody has anything to say any more.
    case quiet
    /// A session closed, and the other saw it.
    case closed
    /// The link broke.
    case broken
    /// They were still talking after the most steps that were allowed.
    case endless
  }

  private var generator: SeededGenerator
  private let faults: Faults

  public init(seed: UInt64, faults: Faults = Faults()) {
    generator = SeededGenerator(seed: seed)
    self.faults = faults
  }

  /// Lets two opened sessions talk until nothing is under way.
  public mutating func run<A: StreamSession & ~Copyable, B: StreamSession & ~Copyable>(
    _ a: SessionDriver<A>, _ b: SessionDriver<B>, maximumSteps: Int = 100_000
  ) -> Outcome {
    var toA: [UInt8] = []
    var toB: [UInt8] = []
    for _ in 0..<maximumSteps {
      toB += a.takeOutput()
      toA += b.takeOutput()
      let canReachA = !toA.isEmpty && a.isReading
      let canReachB = !toB.isEmpty && b.isReading
      if !canReachA, !canReachB {
        if a.close != nil || b.close != nil {
          if a.close == nil { a.closeInput() }
          if b.close == nil { b.closeInput() }
          return .closed
        }
        return .quiet
      }
      if generator.chance(faults.breakChance) {
        a.closeInput()
        b.closeInput()
        return .broken
      }
      let pause = Duration.nanoseconds(
        Int64.random(in: 0...max(0, faults.maximumDelay.wholeNanoseconds), using: &generator))
      a.advance(by: pause)
      b.advance(by: pause)
      let toward = canReachA && canReachB ? Bool.random(using: &generator) : canReachA
      if toward { a.receive(take(&toA)) } else { b.receive(take(&toB)) }
    }
    return .endless
  }

  private mutating func take(_ bytes: inout [UInt8]) -> [UInt8] {
    let count = Int.random(in: 1...max(1, min(faults.maximumPiece, bytes.count)), using: &generator)
    defer { bytes.removeFirst(min(count, bytes.count)) }
    return Array(bytes.prefix(count))
  }
}
