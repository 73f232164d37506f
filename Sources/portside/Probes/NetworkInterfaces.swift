import Foundation
import WireKit

/// The machine's network interfaces, by their addresses.
enum NetworkInterfaces {
  /// The interface that has this IPv4 address; `nil` when none has it.
  static func name(of address: IPAddress) -> String? { list().first { $0.address == address }?.name }

  /// Every IPv4 address with its interface.
  static func list() -> [(name: String, address: IPAddress)] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [(String, IPAddress)] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let name = entry.pointee.ifa_addr, Int32(name.pointee.sa_family) == AF_INET else { continue }
      let number = UnsafeRawPointer(name).loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
      let text = String(cString: entry.pointee.ifa_name)
      found.append(
        (text.split(separator: ":").first.map(String.init) ?? text, IPAddress(v4: UInt32(bigEndian: number))))
    }
    return found
  }
}
