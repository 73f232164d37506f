import POP3Core
import SASLCore
import Services

/// What POP3's metrics tell of.
extension POP3RequestHandler {
  public static var operations: [String] { ["auth", "open", "retrieve", "update"] }

  public func operation(of request: POP3Request) -> Int? {
    switch request {
    case .authenticate: 0
    case .open: 1
    case .read: 2
    case .update: 3
    }
  }

  public func outcome(of reply: POP3Answer) -> OperationOutcome {
    switch reply {
    case .sasl(.failed(.unavailable)), .failed: .failed
    case .sasl(.failed): .refused
    case .sasl, .maildrop, .piece, .updated: .ok
    }
  }
}
