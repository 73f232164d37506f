import Foundation

/// A program that runs beside the test, in a process group of its own.
///
/// Not Foundation's `Process`: that one takes a program for running until a socket is closed that all its descendants
/// inherit, so a client that leaves a daemon behind, as `dhclient` does, is waited for without end.
public final class Child {
  public let pid: pid_t
  private var status: Int32?

  /// - Parameter output: The file that takes what it writes.
  public init(_ words: [String], output: String) throws {
    guard let program = words.first else { throw PeerFailure("no program") }
    let path = program.hasPrefix("/") ? program : try Command.find(program)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    // What other tests have open at this moment is none of its business.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
      if let descriptor = Int32(name), descriptor > 2 { posix_spawn_file_actions_addclose(&actions, descriptor) }
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    posix_spawnattr_setpgroup(&attributes, 0)
    // Threads of the pool block most signals, which a child would inherit: SIGALRM, by which old clients know that a
    // packet was lost, would never reach it.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var arguments = ([path] + words.dropFirst()).map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var number = pid_t()
    let error = posix_spawn(&number, path, &actions, &attributes, &arguments, environ)
    guard error == 0 else { throw PeerFailure("\(path): \(String(cString: strerror(error)))") }
    pid = number
  }

  public var hasEnded: Bool {
    if status != nil { return true }
    var value: Int32 = 0
    guard waitpid(pid, &value, WNOHANG) == pid else { return false }
    status = value & 0x7F == 0 ? (value >> 8) & 0xFF : -(value & 0x7F)
    return true
  }

  /// Its exit code, negative for a signal; `nil` when it still runs after that time.
  public func wait(seconds: Double) -> Int32? {
    let end = Date() + seconds
    while !hasEnded, Date() < end { usleep(5_000) }
    return status
  }

  /// Ends its group by a signal; one that does not heed it in ten seconds is killed.
  public func end(_ signal: Int32) {
    guard !hasEnded else { return }
    kill(-pid, signal)
    guard wait(seconds: 10) == nil else { return }
    kill(-pid, SIGKILL)
    _ = wait(seconds: 10)
  }

  deinit { end(SIGKILL) }
}
