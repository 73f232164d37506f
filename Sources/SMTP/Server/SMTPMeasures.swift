import SMTPCore
import SASLCore
import Services

/// What SMTP's metrics tell of.
extension SMTPRequestHandler {
  public static var operations: [String] { ["auth", "mail", "rcpt", "message"] }

  public func operation(of request: ServerRequest) -> Int? {
    switch request {
    case .authenticate: 0
    case .sender: 1
    case .recipient, .postmaster: 2
    case .message: 3
    }
  }

  public func outcome(of reply: ServerAnswer) -> OperationOutcome {
    switch reply {
    case .sasl(.failed(.unavailable)): .failed
    case .sasl(.failed): .refused
    case .sasl, .postmaster: .ok
    case .reply(let reply): reply.isPositive ? .ok : reply.isTransient ? .failed : .refused
    case .replies(let replies): replies.contains(where: \.isPositive) ? .ok : .refused
    case .silence: .failed
    }
  }
}
