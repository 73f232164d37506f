import IMAPCore
import SASLCore
import Services

/// What IMAP's metrics tell of.
extension IMAPRequestHandler {
  public static var operations: [String] {
    ["auth", "select", "list", "status", "fetch", "search", "store", "copy", "append", "expunge", "mailbox", "other"]
  }

  public func operation(of request: IMAPRequest) -> Int? {
    switch request {
    case .authenticate: 0
    case .command(let command, tag: _, _): operation(of: command)
    case .append: 8
    // What goes on with a command, or waits for something to happen.
    case .more, .watch, .appendTarget, .stage, .stageURL, .abandonAppend: nil
    }
  }

  private func operation(of command: Command) -> Int {
    switch command {
    case .select: 1
    case .list, .namespace: 2
    case .status: 3
    case .fetch: 4
    case .search, .sort, .thread, .multiSearch: 5
    case .store: 6
    case .copy, .move: 7
    case .expunge, .close: 9
    case .create, .delete, .rename, .subscribe: 10
    default: 11
    }
  }

  public func outcome(of reply: IMAPReply) -> OperationOutcome {
    switch reply {
    case .authentication(.failed(.unavailable)): return .failed
    case .authentication(.failed): return .refused
    case .authentication: return .ok
    case .output(let output):
      guard let completion = output.completion, completion.status != .ok else { return .ok }
      return .refused
    }
  }
}
