import Glibc
import SystemShims

/// Landlock (landlock(7)): file and network access of a process, narrowed by itself.
struct Landlock {
  /// Actions on files, as bits of `LANDLOCK_ACCESS_FS_*`.
  struct FileAccess: OptionSet {
    let rawValue: UInt64
    static let execute = FileAccess(rawValue: 1 << 0)
    static let writeFile = FileAccess(rawValue: 1 << 1)
    static let readFile = FileAccess(rawValue: 1 << 2)
    static let readFolder = FileAccess(rawValue: 1 << 3)
    static let truncate = FileAccess(rawValue: 1 << 14)
    static let deviceControl = FileAccess(rawValue: 1 << 15)
    /// Remove, make and rename in a folder: bits 4 to 13 (rename across folders, 13, since ABI 2).
    static let changeFolder = FileAccess(rawValue: 0x3FF0)

    /// All actions that an ABI knows.
    static func all(abi: Int32) -> FileAccess {
      switch abi {
      case ..<2: FileAccess(rawValue: (1 << 13) - 1)
      case 2: FileAccess(rawValue: (1 << 14) - 1)
      case 3, 4: FileAccess(rawValue: (1 << 15) - 1)
      default: FileAccess(rawValue: (1 << 16) - 1)
      }
    }

    /// What can be permitted on a file that is no folder.
    static let onFile: FileAccess = [.execute, .writeFile, .readFile, .truncate, .deviceControl]
  }

  static let bindPort: UInt64 = 1 << 0
  static let connectPort: UInt64 = 1 << 1
  /// No abstract Unix sockets and no signals to processes outside (ABI 6).
  static let scopes: UInt64 = 3

  let abi: Int32
  private let rules: Descriptor
  private let handled: FileAccess

  /// Begins a rule set, or returns why the kernel has none: 0 is no failure.
  static func begin(_ confinement: Confinement) throws(SupervisionError) -> Landlock {
    let abi = portside_landlock_abi()
    guard abi > 0 else { throw .system("landlock", -abi) }
    let handled = FileAccess.all(abi: abi)
    var network: UInt64 = 0
    if abi >= 4 {
      if confinement.bindPorts != nil { network |= bindPort }
      if confinement.connectPorts != nil { network |= connectPort }
    }
    let number = portside_landlock_create(handled.rawValue, network, abi >= 6 ? scopes : 0)
    guard number >= 0 else { throw .system("landlock", -number) }
    return Landlock(abi: abi, rules: Descriptor(number), handled: handled)
  }

  /// Permits actions on a path; returns the errno of a failure, 0 for success.
  func permit(_ path: String, _ access: FileAccess) -> Int32 {
    let granted = access.intersection(handled)
    return -portside_landlock_path(rules.number, path, granted.rawValue, granted.intersection(.onFile).rawValue)
  }

  /// Permits binding or connecting to a port; returns an errno.
  func permit(port: UInt16, _ access: UInt64) -> Int32 { -portside_landlock_port(rules.number, port, access) }

  /// Puts the rules in force; returns an errno.
  func restrict() -> Int32 { -portside_landlock_restrict(rules.number) }
}
