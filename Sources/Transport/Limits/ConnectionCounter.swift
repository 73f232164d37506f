import Synchronization
import WireKit

/// Counts connections, in all and by source, and refuses those over the limits. Listeners of one process share one.
public final class ConnectionCounter: Sendable {
  public enum Verdict: Sendable, Equatable {
    /// Counted; `release` takes it back. The source is what it was counted under.
    case admitted(source: IPNetwork?)
    case tooMany
    case tooManyFromSource
    case tooFast
  }

  private struct Source {
    var open = 0
    /// Connections since `since`.
    var recent = 0
    var since: MonotonicTime
  }

  private struct State {
    var limits: SourceLimits
    var total = 0
    var sources: [IPNetwork: Source] = [:]
    /// When sources without connections were last swept out.
    var swept = MonotonicTime(nanoseconds: 0)
  }

  private static let window = Duration.seconds(1)

  private let state: Mutex<State>

  public init(_ limits: SourceLimits = SourceLimits()) { state = Mutex(State(limits: limits)) }

  /// Connections that are open now.
  public var total: Int { state.withLock { $0.total } }

  /// Counts one more from this address, unless that would be too many.
  public func admit(_ address: IPAddress, now: MonotonicTime) -> Verdict {
    state.withLock { state in
      guard state.total < state.limits.maximumConnections else { return .tooMany }
      guard let network = state.limits.source(of: address) else {
        state.total += 1
        return .admitted(source: nil)
      }
      Self.sweep(&state, now)
      var source = state.sources[network] ?? Source(since: now)
      guard source.open < state.limits.maximumConnectionsPerSource else { return .tooManyFromSource }
      if now - source.since >= Self.window { (source.recent, source.since) = (0, now) }
      let isTooFast = state.limits.connectionsPerSecond > 0 && source.recent >= state.limits.connectionsPerSecond
      if !isTooFast {
        source.open += 1
        source.recent += 1
        state.total += 1
      }
      state.sources[network] = source
      return isTooFast ? .tooFast : .admitted(source: network)
    }
  }

  /// Takes back one that was admitted.
  public func release(_ network: IPNetwork?) {
    state.withLock { state in
      state.total -= 1
      guard let network, var source = state.sources[network] else { return }
      source.open -= 1
      // Without a limit of the rate there is nothing to remember of a source that has no connection.
      state.sources[network] = source.open > 0 || state.limits.connectionsPerSecond > 0 ? source : nil
    }
  }

  /// Changes the limits; connections that stand are not touched.
  public func update(_ limits: SourceLimits) { state.withLock { $0.limits = limits } }

  /// Forgets, at most once a second, the sources whose window is over, so that the table holds no more than the live
  /// connections and one second's arrivals.
  private static func sweep(_ state: inout State, _ now: MonotonicTime) {
    guard now - state.swept >= window else { return }
    state.swept = now
    state.sources = state.sources.filter { $0.value.open > 0 || now - $0.value.since < window }
  }
}
