import Glibc
import WireKit

/// The machine's interfaces and their addresses, as they were when asked.
struct Interfaces: Sendable {
  struct Interface: Sendable {
    var name: String
    var addresses: [IPAddress] = []
    var v6Addresses: [IPAddress] = []
  }

  private(set) var byIndex: [UInt32: Interface] = [:]

  init() {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return }
    defer { freeifaddrs(list) }
    var next = list
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let address = entry.pointee.ifa_addr else { continue }
      let family = Int32(address.pointee.sa_family)
      guard family == AF_INET || family == AF_INET6 else { continue }
      // The name of an address can be an alias (`eth0:1`); the index is that of the interface.
      let name = String(cString: entry.pointee.ifa_name)
      let plain = name.split(separator: ":").first.map(String.init) ?? name
      let index = if_nametoindex(plain)
      guard index != 0 else { continue }
      if family == AF_INET6 {
        let name = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
        let bits = withUnsafeBytes(of: name.sin6_addr) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
        byIndex[index, default: Interface(name: plain)].v6Addresses.append(IPAddress(v6: bits))
        continue
      }
      let number = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
      byIndex[index, default: Interface(name: plain)].addresses.append(IPAddress(v4: UInt32(bigEndian: number)))
    }
  }
}
