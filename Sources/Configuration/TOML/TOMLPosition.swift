/// Where something stands: in the document, or in what was laid over it.
public struct TOMLPosition: Hashable, Sendable {
  /// 1 for the first line; 0 when `origin` is set.
  public var line: Int
  /// 1 for the first character of the line, counted in Unicode scalars; 0 when `origin` is set.
  public var column: Int
  /// What supplied the value instead of the document, such as the name of an environment variable.
  public var origin: String?

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// A value that does not come from the document.
  public init(origin: String) {
    line = 0
    column = 0
    self.origin = origin
  }
}

/// The document's positions first, from its top; then the others by name.
extension TOMLPosition: Comparable {
  public static func < (left: TOMLPosition, right: TOMLPosition) -> Bool {
    if (left.origin == nil) != (right.origin == nil) { return left.origin == nil }
    return (left.line, left.column, left.origin ?? "") < (right.line, right.column, right.origin ?? "")
  }
}

/// What is wrong with a TOML document, and where. It never quotes a value: that could be a secret.
public struct TOMLError: Error, Hashable, Sendable {
  public let position: TOMLPosition
  /// One line, without a full stop at its end.
  public let message: String
  /// What to write instead, if that is clear.
  public let hint: String?

  public init(_ position: TOMLPosition, _ message: String, hint: String? = nil) {
    self.position = position
    self.message = message
    self.hint = hint
  }
}
