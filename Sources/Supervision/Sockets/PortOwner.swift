import Glibc
import WireKit

/// The process that holds a socket.
public struct PortOwner: Hashable, Sendable, CustomStringConvertible {
  public var pid: Int32
  /// Its command line, at most 120 characters.
  public var command: String

  public var description: String { "pid \(pid) (\(command))" }

  /// Who holds a socket that is in the way of binding `place`; `nil` when that can't be found out, as for other users'
  /// processes without being root.
  public static func find(_ place: SocketPlace) -> PortOwner? {
    let inodes: Set<UInt64>
    switch place {
    case .tcp(let endpoint): inodes = sockets(["tcp", "tcp6"], endpoint)
    case .udp(let endpoint): inodes = sockets(["udp", "udp6"], endpoint)
    case .unixStream: return nil
    }
    return inodes.isEmpty ? nil : owner(of: inodes)
  }

  /// A process by its number.
  init(pid: Int32) {
    self.pid = pid
    let line = (TextFile.bytes("/proc/\(pid)/cmdline", limit: 4096) ?? []).split(separator: 0)
      .map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    let name = String(decoding: (TextFile.bytes("/proc/\(pid)/comm") ?? []).prefix { $0 != 0x0A }, as: UTF8.self)
    // Another's command line may have any bytes; this text goes to terminals and logs.
    let text = (line.isEmpty ? name : line).unicodeScalars.map {
      $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0)
    }
    command = String(text.joined().prefix(120))
  }

  private static func sockets(_ tables: [String], _ endpoint: Endpoint) -> Set<UInt64> {
    var inodes: Set<UInt64> = []
    for table in tables {
      guard let bytes = TextFile.bytes("/proc/net/\(table)") else { continue }
      for row in SocketTable.rows(bytes) where row.isInTheWay(of: endpoint) { inodes.insert(row.inode) }
    }
    return inodes
  }

  private static func owner(of inodes: Set<UInt64>) -> PortOwner? {
    let links = Set(inodes.map { "socket:[\($0)]" })
    for name in TextFile.names(in: "/proc") {
      guard let pid = Int32(name) else { continue }
      for descriptor in TextFile.names(in: "/proc/\(pid)/fd") {
        guard let link = TextFile.link("/proc/\(pid)/fd/\(descriptor)"), links.contains(link) else { continue }
        return PortOwner(pid: pid)
      }
    }
    return nil
  }
}
