/// A text that must never be seen, such as a password: it has no textual form but a mask.
public struct HiddenText: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The text itself: for the one who judges it.
  public let value: String

  public init(_ value: String) { self.value = value }

  public var isEmpty: Bool { value.isEmpty }
  public var description: String { "••••" }
  public var debugDescription: String { "••••" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
