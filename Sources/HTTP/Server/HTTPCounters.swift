import HTTPCore
import Synchronization

/// Counts requests by kind of answer and by version. A few additions a request; whoever wants numbers reads them here.
public final class HTTPCounters: Sendable {
  private let success = Atomic<UInt64>(0)
  private let redirection = Atomic<UInt64>(0)
  private let clientError = Atomic<UInt64>(0)
  private let serverError = Atomic<UInt64>(0)
  private let http2 = Atomic<UInt64>(0)
  private let refusals = Atomic<UInt64>(0)
  private let floods = Atomic<UInt64>(0)

  /// The numbers at one moment.
  public struct Snapshot: Sendable, Hashable {
    /// Answers by the first digit of their status.
    public var success: UInt64
    public var redirection: UInt64
    public var clientError: UInt64
    public var serverError: UInt64
    /// Those of all that came by HTTP/2.
    public var http2: UInt64
    /// Messages refused before any site saw them.
    public var refusals: UInt64
    /// Connections ended for flooding.
    public var floods: UInt64

    public var requests: UInt64 { success + redirection + clientError + serverError }
  }

  public var snapshot: Snapshot {
    let read = { (counter: borrowing Atomic<UInt64>) in counter.load(ordering: .relaxed) }
    return Snapshot(
      success: read(success), redirection: read(redirection), clientError: read(clientError),
      serverError: read(serverError), http2: read(http2), refusals: read(refusals), floods: read(floods))
  }

  func count(_ status: Status, _ version: HTTPVersion) {
    switch status.code {
    case ..<300: success.add(1, ordering: .relaxed)
    case ..<400: redirection.add(1, ordering: .relaxed)
    case ..<500: clientError.add(1, ordering: .relaxed)
    default: serverError.add(1, ordering: .relaxed)
    }
    if version == .http2 { http2.add(1, ordering: .relaxed) }
  }

  func count(_ event: HTTPEvent) {
    switch event {
    case .refused: refusals.add(1, ordering: .relaxed)
    case .flood: floods.add(1, ordering: .relaxed)
    case .connectionError, .goneAway, .timedOut: break
    }
  }
}
