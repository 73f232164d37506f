import Glibc
import NIOCore

/// Which user's process is at the other end of a Unix socket, as the kernel noted it at `connect` (unix(7), SO_PEERCRED).
struct PeerCredentials: Sendable, Hashable {
  var userID: uid_t
  var processID: pid_t

  /// `struct ucred`, which Glibc's module lacks.
  private struct Kernel {
    var processID: pid_t = 0
    var userID: uid_t = 0
    var groupID: gid_t = 0
  }

  /// Of a channel's peer; `nil` when the kernel does not tell. On the channel's event loop.
  init?(_ channel: any Channel) {
    guard let options = channel as? any SocketOptionProvider else { return nil }
    let level = NIOBSDSocket.OptionLevel(rawValue: SOL_SOCKET)
    let option = NIOBSDSocket.Option(rawValue: SO_PEERCRED)
    // Answered at once on the event loop, where this is called.
    let future: EventLoopFuture<Kernel> = options.unsafeGetSocketOption(level: level, name: option)
    var found: Kernel?
    future.assumeIsolated().whenSuccess { found = $0 }
    guard let found else { return nil }
    userID = found.userID
    processID = found.processID
  }
}
