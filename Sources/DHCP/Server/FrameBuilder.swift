import WireKit

/// Builds the IPv4 packet for a client that has no address yet, so that no ARP can find it.
enum FrameBuilder {
  /// An IPv4 packet with a UDP datagram from port 67 to port 68 (RFC 791, RFC 768), checksums included.
  static func packet(from source: IPAddress, to destination: IPAddress, payload: [UInt8]) -> [UInt8]? {
    guard let from = source.v4Number, let to = destination.v4Number,
      let udpLength = UInt16(exactly: payload.count + 8), let length = UInt16(exactly: payload.count + 28)
    else { return nil }
    var packet: [UInt8] = [0x45, 0x10]
    packet.reserveCapacity(payload.count + 28)
    packet.appendInteger(length)
    packet.appendInteger(UInt32(0x4000))
    packet += [64, 17, 0, 0]
    packet.appendInteger(from)
    packet.appendInteger(to)
    packet.setInteger(checksum(packet[...], 0), at: 10)
    packet.appendInteger(UInt16(67))
    packet.appendInteger(UInt16(68))
    packet.appendInteger(udpLength)
    packet.appendInteger(UInt16(0))
    packet += payload
    // The pseudo-header: the addresses, the protocol, the length.
    let pseudo = UInt32(17) + UInt32(udpLength)
    let sum = checksum(packet[12...], pseudo)
    packet.setInteger(sum == 0 ? 0xFFFF : sum, at: 26)
    return packet
  }

  /// The Internet checksum (RFC 1071).
  static func checksum(_ bytes: ArraySlice<UInt8>, _ start: UInt32) -> UInt16 {
    var sum = UInt64(start)
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let high = UInt64(bytes[index]) << 8
      let low = index + 1 < bytes.endIndex ? UInt64(bytes[index + 1]) : 0
      sum += high | low
      index += 2
    }
    while sum >> 16 != 0 { sum = sum & 0xFFFF + sum >> 16 }
    return ~UInt16(truncatingIfNeeded: sum)
  }
}
