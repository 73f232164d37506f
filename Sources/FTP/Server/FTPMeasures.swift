import FTPCore
import Services

/// What FTP's metrics tell of. Transfers are told of by their own events, with how they ended.
extension FTPHandler {
  static var operations: [String] { ["auth", "directory", "data-port", "open", "change", "facts"] }

  func operation(of request: FTPRequest) -> Int? {
    switch request {
    case .logIn, .secondFactor: 0
    case .changeDirectory, .makeDirectory, .removeDirectory: 1
    case .passive, .active: 2
    case .begin: 3
    case .renameFrom, .rename, .delete, .change: 4
    case .facts, .status, .size, .modified, .hash, .available: 5
    case .reset, .workingDirectory, .abandonData, .run, .progress, .allocate: nil
    }
  }

  func outcome(of reply: FTPOutcome) -> OperationOutcome {
    switch reply {
    case .failed(.local), .failed(.noSpace), .failed(.noPort), .unavailable: .failed
    case .failed, .denied, .codeNeeded, .penalised: .refused
    default: .ok
    }
  }
}
