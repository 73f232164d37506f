import Glibc
import WireKit

/// The machine's network interfaces, by their addresses.
enum InterfaceName {
  /// The interface that has this address; `nil` when none has it.
  static func of(_ address: IPAddress) -> String? {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return nil }
    defer { freeifaddrs(list) }
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let name = entry.pointee.ifa_addr, SocketAddress.address(UnsafeRawPointer(name)) == address else {
        continue
      }
      // The name of an address can be an alias (`eth0:1`).
      let text = String(cString: entry.pointee.ifa_name)
      return text.split(separator: ":").first.map(String.init) ?? text
    }
    return nil
  }
}
