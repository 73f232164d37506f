/// Why a store did not do what it was asked. The one error of every store, whatever keeps the data.
public struct StoreError: Error, Hashable, Sendable, Codable {
  /// The kinds of trouble. A struct, not an enum, so that a new kind breaks nobody's `switch`.
  public struct Code: Hashable, Sendable, Codable, CustomStringConvertible {
    public let description: String
    private init(_ description: String) { self.description = description }

    /// What was asked for does not exist.
    public static let notFound = Code("not found")
    /// It exists already, or somebody else changed it meanwhile.
    public static let conflict = Code("conflict")
    /// No room: the disk or a limit of the store is full. Nothing was changed.
    public static let full = Code("full")
    /// The account has used up what it may use. Nothing was changed.
    public static let overQuota = Code("over quota")
    /// More or longer than the store takes. Nothing was changed.
    public static let limitReached = Code("limit reached")
    /// The store can't be reached or was closed; later it may work.
    public static let unavailable = Code("unavailable")
    /// What is stored makes no sense: damaged, tampered with, or written by a later version.
    public static let corrupt = Code("corrupt")
  }

  public let code: Code
  /// For the log and the administrator, never for a peer.
  public let diagnosis: String

  public init(_ code: Code, _ diagnosis: String) {
    self.code = code
    self.diagnosis = diagnosis
  }
}

extension StoreError: CustomStringConvertible {
  public var description: String { "\(code): \(diagnosis)" }
}
