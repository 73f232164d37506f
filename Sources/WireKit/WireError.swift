/// Why a decoder refused what it was given.
///
/// The one error of every codec in the package: a code that can grow, and where the trouble stands. A session turns
/// it into its protocol's own reply (`500`, `BAD`, FORMERR …) in one place.
public struct WireError: Error, Hashable, Sendable {
  /// The kinds of trouble. A struct, not an enum, so that a new kind breaks nobody's `switch`.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    private init(_ description: String) { self.description = description }

    /// The input ended inside a value. On a stream this means "wait for more".
    public static let truncated = Code("truncated")
    /// A length, count or offset that its container or our limits do not allow.
    public static let outOfBounds = Code("out of bounds")
    /// A value that the grammar does not allow.
    public static let malformed = Code("malformed")
    /// More than a limit of ours allows.
    public static let tooLong = Code("too long")
    /// A version, type or algorithm that we do not have.
    public static let unsupported = Code("unsupported")
    /// The destination has no room left.
    public static let noSpace = Code("no space")
  }

  /// What went wrong.
  public let code: Code
  /// What was being read, in the words of the specification, such as `"QNAME"`.
  public let subject: StaticString
  /// Bytes from the start of the reader's input to the trouble.
  public let offset: Int

  public init(_ code: Code, _ subject: StaticString, at offset: Int = 0) {
    self.code = code
    self.subject = subject
    self.offset = offset
  }

  public static func == (left: WireError, right: WireError) -> Bool {
    left.code == right.code && left.offset == right.offset && left.subject.description == right.subject.description
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(code)
    hasher.combine(offset)
  }
}

extension WireError: CustomStringConvertible {
  public var description: String { "\(subject): \(code) at byte \(offset)" }
}
