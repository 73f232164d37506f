import WireKit

/// Why a conversation can't go on. The diagnosis is for the log; a client is told little or nothing.
public struct RDPError: Error, Sendable, Hashable {
  public struct Code: Hashable, Sendable {
    public let name: String
    /// What a peer sent makes no sense, or more than our limits allow.
    public static let malformed = Code(name: "malformed")
    /// Well-formed, but not at this point.
    public static let unexpected = Code(name: "unexpected")
    /// What this server refuses on purpose.
    public static let refused = Code(name: "refused")
  }

  public let code: Code
  public let diagnosis: String

  public init(_ code: Code, _ diagnosis: String) {
    self.code = code
    self.diagnosis = diagnosis
  }

  /// A codec's finding.
  public init(_ error: WireError) { self.init(.malformed, error.description) }
}
