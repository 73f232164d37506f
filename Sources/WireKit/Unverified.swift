/// A number that a peer sent and nobody has judged yet.
///
/// A length or count from the wire cannot be used by accident: the only ways out state a bound, or say why none is
/// needed.
public struct Unverified<Value: FixedWidthInteger & Sendable>: Sendable, Hashable {
  private let value: Value

  public init(_ value: Value) { self.value = value }

  /// The number, when it lies in `range`; otherwise `.outOfBounds`.
  public func verified(
    in range: ClosedRange<Int>, _ subject: StaticString, at offset: Int = 0
  ) throws(WireError) -> Int {
    guard let number = Int(exactly: value), range.contains(number) else {
      throw WireError(.outOfBounds, subject, at: offset)
    }
    return number
  }

  /// The number, when it is at most `limit`; otherwise `.outOfBounds`.
  public func verified(
    atMost limit: Int, _ subject: StaticString, at offset: Int = 0
  ) throws(WireError) -> Int {
    try verified(in: 0...max(0, limit), subject, at: offset)
  }

  /// The number as it came. `reason` is for the reader of the code: why every value is fine here.
  public func unchecked(because reason: StaticString) -> Value { value }
}
