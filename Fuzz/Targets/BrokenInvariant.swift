/// What a target says of an input that breaks its invariant.
public struct BrokenInvariant: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// Throws `BrokenInvariant` with the text when the condition does not hold.
func require(_ condition: Bool, _ text: @autoclosure () -> String) throws {
  guard condition else { throw BrokenInvariant(text()) }
}
