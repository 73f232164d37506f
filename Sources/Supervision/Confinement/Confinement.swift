/// What a worker may still do once it has confined itself: everything else is refused by the kernel, whatever a peer
/// makes the worker's code do.
public struct Confinement: Hashable, Sendable, Codable {
  /// Files and folders (with all beneath) that may be read, besides `runtimePaths`.
  public var readPaths: [String]
  /// Files and folders that may be read, written, made and removed.
  public var writePaths: [String]
  /// Privileges that are kept, as far as the supervisor has them.
  public var capabilities: [Capability]
  /// The user that the worker becomes when the supervisor is root; `nil` stays.
  public var user: String?
  /// The group; `nil` is the user's own.
  public var group: String?
  /// Whether the worker may start programs, from what it may read.
  public var maySpawn: Bool
  /// Whether files and ports are left to the rights of its user, as a worker needs that runs shells of that same user.
  public var mayTouchAll: Bool
  /// TCP ports that the worker may bind itself, 0 for any free one; `nil` is every port. Empty for most: the
  /// supervisor binds. In force from Landlock ABI 4 on.
  public var bindPorts: [UInt16]?
  /// TCP ports that the worker may connect to; `nil` is every port.
  public var connectPorts: [UInt16]?

  public init(
    readPaths: [String] = [], writePaths: [String] = [], capabilities: [Capability] = [], user: String? = nil,
    group: String? = nil, maySpawn: Bool = false, mayTouchAll: Bool = false, bindPorts: [UInt16]? = [],
    connectPorts: [UInt16]? = nil
  ) {
    self.readPaths = readPaths
    self.writePaths = writePaths
    self.capabilities = capabilities
    self.user = user
    self.group = group
    self.maySpawn = maySpawn
    self.mayTouchAll = mayTouchAll
    self.bindPorts = bindPorts
    self.connectPorts = connectPorts
  }

  /// What the C library and Swift's runtime read while a program runs: shared libraries, time zones, name service,
  /// certificates, randomness, what the process knows of itself.
  public static let runtimePaths = [
    "/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/share/zoneinfo", "/usr/share/ca-certificates",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf",
    "/etc/host.conf", "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group", "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf", "/dev/urandom", "/dev/zero", "/proc/self", "/sys/devices/system/cpu", "/sys/fs/cgroup",
  ]
}
