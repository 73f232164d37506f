import Glibc
import SystemShims

/// Owns the file of a Unix socket: removed with the last one that refers to it, unless somebody put another in its
/// place.
final class UnixPath: Sendable {
  let path: String
  private let inode: UInt64?

  init(_ path: String) {
    self.path = path
    inode = Self.inode(path)
  }

  deinit {
    if inode != nil, Self.inode(path) == inode { unlink(path) }
  }

  /// Sets the file's rights and owner.
  func setAccess(_ plan: SocketPlan) throws(SupervisionError) {
    if let owner = plan.owner {
      let record = try UserRecord(named: owner)
      guard chown(path, record.user, record.group) == 0 else { throw .system("give \(path) to \(owner)", errno) }
    }
    guard chmod(path, plan.mode) == 0 else { throw .system("set the rights of \(path)", errno) }
  }

  /// Removes a socket file that nobody listens at, as a killed server leaves it behind. A living one, or another kind of
  /// file, is an error.
  static func removeStale(_ path: String) throws(SupervisionError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw SupervisionError(.addressTaken, "unix \(path): there is a file that is no socket")
    }
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard number >= 0 else { throw .system("make a socket for \(path)", errno) }
    let descriptor = Descriptor(number)
    let connected = SocketAddress.with(path: path) { connect(descriptor.number, $0, $1) }
    if connected != 0, errno == ECONNREFUSED {
      unlink(path)
      return
    }
    var peer: pid_t = 0
    var user: uid_t = 0
    if connected == 0, portside_peer(descriptor.number, &peer, &user) == 0 {
      throw SupervisionError(.addressTaken, "unix \(path) is in use by \(PortOwner(pid: peer))")
    }
    throw SupervisionError(.addressTaken, "unix \(path) is in use")
  }

  private static func inode(_ path: String) -> UInt64? {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
  }
}
