/// How many requests ended how: plain numbers that one thread or connection gathers before it adds them to a server's counters.
public struct ResponderTally: Hashable, Sendable, BitwiseCopyable {
  public var queries: UInt64 = 0
  public var noError: UInt64 = 0
  public var formErr: UInt64 = 0
  public var servFail: UInt64 = 0
  public var nxDomain: UInt64 = 0
  public var notImp: UInt64 = 0
  public var refused: UInt64 = 0
  public var otherCodes: UInt64 = 0
  public var truncated: UInt64 = 0
  /// Requests that got no answer: no queries at all.
  public var silent: UInt64 = 0
  /// Answers that were held back, or cut to TC, by the rate limit.
  public var dropped: UInt64 = 0
  public var slipped: UInt64 = 0

  public init() {}

  /// Counts one request.
  @inline(__always)
  public mutating func count(_ result: ResponderResult?) {
    queries &+= 1
    guard let result else {
      silent &+= 1
      return
    }
    if result.isTruncated { truncated &+= 1 }
    switch result.responseCode {
    case 0: noError &+= 1
    case 1: formErr &+= 1
    case 2: servFail &+= 1
    case 3: nxDomain &+= 1
    case 4: notImp &+= 1
    case 5: refused &+= 1
    default: otherCodes &+= 1
    }
  }

  public static func += (left: inout ResponderTally, right: ResponderTally) {
    left.queries &+= right.queries
    left.noError &+= right.noError
    left.formErr &+= right.formErr
    left.servFail &+= right.servFail
    left.nxDomain &+= right.nxDomain
    left.notImp &+= right.notImp
    left.refused &+= right.refused
    left.otherCodes &+= right.otherCodes
    left.truncated &+= right.truncated
    left.silent &+= right.silent
    left.dropped &+= right.dropped
    left.slipped &+= right.slipped
  }
}
