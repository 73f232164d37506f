import Configuration
import Foundation
import Services

extension PortsideConfiguration {
  /// Moves every port: by a number from the standard one, or (`0`) to free ones.
  ///
  /// DNS has the same port for UDP and TCP also when it is any free one (`dnsPort`): clients go from one to the other.
  mutating func move(ports offset: UInt16, dnsPort: UInt16) {
    // The file has the standard ports plus 10000.
    if offset == 10_000 { return }
    mapPorts { service, port in
      guard case .number(let number) = port else { return port }
      if offset == 0 { return .number(service == .dns ? dnsPort : 0) }
      guard number >= 10_000 else { return port }
      return .number(UInt16(clamping: Int(number) - 10_000 + Int(offset)))
    }
  }

  /// A port that is free for TCP and UDP on loopback at this moment.
  ///
  /// It lies below those that the kernel gives to connections going out (from 32,768): between this look and the
  /// moment when the gate binds it, only another laboratory could take it.
  static func freePort() throws -> UInt16 {
    for _ in 0..<100 {
      let stream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      let datagram = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
      let port = bind(stream, to: .random(in: 20_000..<32_000)).flatMap { bind(datagram, to: $0) }
      close(stream)
      close(datagram)
      if let port { return port }
    }
    throw CommandFailure("no port is free for UDP and TCP")
  }

  /// Binds to a loopback port; the port, unless it is taken.
  private static func bind(_ descriptor: Int32, to port: UInt16) -> UInt16? {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let isBound = withUnsafeMutableBytes(of: &address) { bytes in
      let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      var length = socklen_t(bytes.count)
      return Foundation.bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
    }
    return isBound ? UInt16(bigEndian: address.sin_port) : nil
  }
}
