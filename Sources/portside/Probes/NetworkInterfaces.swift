import Foundation
import WireKit

/// The machine's network interfaces, by their addresses.
enum NetworkInterfaces {
  /// The interface that has this address; `nil` when none has it.
  static func name(of address: IPAddress) -> String? { list().first { $0.address == address }?.name }

  /// Every address with its interface.
  static func list() -> [(name: String, address: IPAddress)] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [(String, IPAddress)] = []
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let name = entry.pointee.ifa_addr, let address = address(UnsafeRawPointer(name)) else { continue }
      let text = String(cString: entry.pointee.ifa_name)
      found.append((text.split(separator: ":").first.map(String.init) ?? text, address))
    }
    return found
  }

  private static func address(_ pointer: UnsafeRawPointer) -> IPAddress? {
    switch Int32(pointer.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET:
      let number = pointer.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
      return IPAddress(v4: UInt32(bigEndian: number))
    case AF_INET6:
      let name = pointer.loadUnaligned(as: sockaddr_in6.self)
      return withUnsafeBytes(of: name.sin6_addr) { IPAddress(octets: $0) }
    default: return nil
    }
  }
}
