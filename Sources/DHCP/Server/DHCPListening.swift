import Datagrams

/// What is special about one socket of a server.
public struct DHCPSocketOptions: Sendable, Hashable {
  /// Answers relays only: for a port over 1024, where no client asks.
  public var isRelayedOnly = false
  /// Sends to relays at the port that they sent from, instead of 67.
  public var answersRelaysAtSourcePort = false
  /// Port 4011, where only network boot is talked about (PXE 2.1 §2.2).
  public var isBootService = false

  public init() {}
}

/// A socket that is being served, until it is stopped.
public final class DHCPListening: Sendable {
  private let thread: ServiceThread

  init(_ thread: ServiceThread) { self.thread = thread }

  func requestStop() { thread.stop() }

  /// Ends the thread; returns when it has ended.
  public func stop() async {
    thread.stop()
    await thread.finished()
  }
}
