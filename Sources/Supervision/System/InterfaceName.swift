import Glibc
import WireKit

/// The machine's network interfaces, by their addresses.
enum InterfaceName {
  /// The interface that has this IPv4 address; `nil` when none has it.
  static func of(_ address: IPAddress) -> String? {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return nil }
    defer { freeifaddrs(list) }
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let name = entry.pointee.ifa_addr, Int32(name.pointee.sa_family) == AF_INET else { continue }
      let number = UnsafeRawPointer(name).loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
      guard IPAddress(v4: UInt32(bigEndian: number)) == address else { continue }
      // The name of an address can be an alias (`eth0:1`).
      let text = String(cString: entry.pointee.ifa_name)
      return text.split(separator: ":").first.map(String.init) ?? text
    }
    return nil
  }
}
