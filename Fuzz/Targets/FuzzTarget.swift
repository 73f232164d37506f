/// One thing to fuzz: a parser or a session, with the invariants that hold for whatever bytes it gets.
public struct FuzzTarget: Sendable {
  /// The name on the command line and of its folders under `Fuzz/Corpus` and `Fuzz/Regressions`.
  public let name: String
  /// What holds for every input, in one sentence.
  public let invariant: String
  /// Feeds the input to the code under test. Throws `BrokenInvariant` when the invariant does not hold, and traps where the
  /// code under test does.
  public let run: @Sendable ([UInt8]) throws -> Void

  public init(_ name: String, _ invariant: String, _ run: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.name = name
    self.invariant = invariant
    self.run = run
  }

  /// The target with this name.
  public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}
