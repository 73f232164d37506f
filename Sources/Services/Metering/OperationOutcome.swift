/// How an operation of a service ended, as the metrics tell it.
public enum OperationOutcome: Int, Sendable, Hashable, CaseIterable {
  case ok
  /// The peer asked for what it may not have, or what does not exist.
  case refused
  /// Our own fault, or a store's.
  case failed

  /// The label's value.
  public var name: String {
    switch self {
    case .ok: "ok"
    case .refused: "refused"
    case .failed: "failed"
    }
  }
}
