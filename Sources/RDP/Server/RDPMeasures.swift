import RDPCore
import Services

/// What RDP's metrics tell of.
extension RDPRequestHandler {
  public static var operations: [String] { ["auth", "start"] }

  public func operation(of request: ServerRequest) -> Int? {
    switch request {
    case .logIn, .judge: 0
    case .start: 1
    case .publicKey, .input, .output, .resize, .events, .frame, .refresh, .resizeDesktop: nil
    }
  }

  public func outcome(of reply: ServerReply) -> OperationOutcome {
    switch reply {
    case .verdict(.granted): .ok
    case .verdict(.unavailable): .failed
    case .verdict: .refused
    case .claim(let claim): claim == nil ? .refused : .ok
    case .started(let isStarted): isStarted ? .ok : .failed
    case .publicKey, .output, .done, .startedDesktop, .frame: .ok
    }
  }
}
