import Transport

/// The receive threads of some UDP sockets, which can be stopped while the server goes on with others.
public final class DNSDatagramGroup: Sendable {
  private let loops: [DatagramLoop]

  init(_ loops: [DatagramLoop]) { self.loops = loops }

  /// Ends the threads. Replies at hand still leave.
  public func stop() {
    for loop in loops { loop.stop() }
  }

  /// Returns once every thread has ended: after a stop, or because a socket failed, which ends all and is thrown.
  public func finished() async throws(SystemCallError) {
    var failure: SystemCallError?
    for loop in loops {
      do throws(SystemCallError) {
        try await loop.finished()
      } catch {
        failure = failure ?? error
        stop()
      }
    }
    if let failure { throw failure }
  }
}
