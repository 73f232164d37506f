import ConsoleCore
import Services
import TelnetCore

/// What Telnet's metrics tell of.
extension TelnetRequestHandler {
  public static var operations: [String] { ["auth", "command"] }

  public func operation(of request: TelnetRequest<Program.Request>) -> Int? {
    switch request {
    case .logIn: 0
    case .program: 1
    }
  }

  public func outcome(of reply: TelnetReply<Program>) -> OperationOutcome {
    switch reply {
    case .granted, .program: .ok
    case .denied, .codeNeeded, .penalised: .refused
    case .unavailable: .failed
    }
  }
}
