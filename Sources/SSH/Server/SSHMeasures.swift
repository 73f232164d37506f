import SSHCore
import Services

/// What SSH's metrics tell of.
extension SSHRequestHandler {
  static var operations: [String] { ["probe-key", "auth", "start", "connect", "listen"] }

  func operation(of request: ServerRequest) -> Int? {
    switch request {
    case .probeKey: 0
    case .logIn: 1
    case .start: 2
    case .connect, .connectLocal: 3
    case .listen, .listenLocal: 4
    // Bytes, and waiting for them.
    case .stopListening, .stopListeningLocal, .accept, .input, .inputEnd, .output, .resize, .signal, .closed: nil
    }
  }

  func outcome(of reply: ServerReply) -> OperationOutcome {
    switch reply {
    case .keyAccepted(let isAccepted): isAccepted ? .ok : .refused
    case .verdict(.granted): .ok
    case .verdict(.unavailable): .failed
    case .verdict: .refused
    case .started(let isStarted): isStarted ? .ok : .refused
    case .connected(let failure): failure == nil ? .ok : .refused
    case .listening(let port): port == nil ? .refused : .ok
    case .accepted, .output, .done: .ok
    }
  }
}
