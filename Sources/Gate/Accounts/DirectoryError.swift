import Services

/// Why a change to the directory was refused, in words for the administrator.
public struct DirectoryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of refusal. A struct, not an enum, so that a new kind breaks nobody's `switch`.
  public struct Code: Hashable, Sendable {
    public let text: String
    private init(_ text: String) { self.text = text }

    public static let badName = Code("bad name")
    public static let badPassword = Code("bad password")
    public static let badKey = Code("bad key")
    public static let badCode = Code("bad code")
    public static let badValue = Code("bad value")
    public static let unknownRole = Code("unknown role")
    public static let notFound = Code("not found")
    public static let conflict = Code("conflict")
    /// The store or the hashing is away or overloaded; it may work later.
    public static let unavailable = Code("unavailable")
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  init(_ error: StoreError) {
    switch error.code {
    case .notFound: self.init(.notFound, error.diagnosis)
    case .conflict: self.init(.conflict, error.diagnosis)
    default: self.init(.unavailable, error.description)
    }
  }

  public var description: String { message }
}

/// Runs a call to a store; what it throws becomes a refusal of the directory.
func directoryCall<Value>(
  _ body: () async throws(StoreError) -> Value
) async throws(DirectoryError) -> Value {
  do { return try await body() } catch { throw DirectoryError(error) }
}
