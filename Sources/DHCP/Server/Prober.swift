import DHCPCore
import Datagrams
import Glibc
import Services
import Synchronization
import WireKit

/// Asks addresses that are to be offered whether somebody has them already, by ICMP echo (RFC 2131 §3.1, RFC 792).
final class Prober: Sendable {
  /// What to do with an offer whose address nobody has, and with one whose address somebody has.
  typealias Outcome = @Sendable (_ pending: Pending, _ address: IPAddress, _ isTaken: Bool) -> Void

  private struct Probe {
    var pending: Pending
    var deadline: MonotonicTime
  }

  private let socket: CInt
  private let isRaw: Bool
  private let clock: any Clock
  private let time: Duration
  private let limit: Int
  private let outcome: Outcome
  private let probes = Mutex<[IPAddress: Probe]>([:])

  /// `nil` when this process may send no echo.
  init?(_ configuration: DHCPServerConfiguration, clock: any Clock, outcome: @escaping Outcome) {
    // Without privilege where the system allows it (net.ipv4.ping_group_range), else with it.
    let plain = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, Int32(IPPROTO_ICMP))
    isRaw = plain < 0
    socket = plain >= 0 ? plain : Glibc.socket(AF_INET, Int32(SOCK_RAW.rawValue) | O_CLOEXEC, Int32(IPPROTO_ICMP))
    guard socket >= 0 else { return nil }
    self.clock = clock
    self.outcome = outcome
    time = configuration.probeTime
    limit = configuration.maximumProbes
    UDPSocket.setTimeout(socket, milliseconds: 50)
  }

  deinit { close(socket) }

  /// Begins a probe. `false`: too many are under way, and the offer may go without.
  func probe(_ address: IPAddress, for pending: Pending) -> Bool {
    let isAccepted = probes.withLock { probes in
      guard probes.count < limit else { return false }
      probes[address] = Probe(pending: pending, deadline: clock.now() + time)
      return true
    }
    if isAccepted { sendEcho(address) }
    return isAccepted
  }

  private func sendEcho(_ address: IPAddress) {
    var packet: [UInt8] = [8, 0, 0, 0]
    packet.appendInteger(UInt16(truncatingIfNeeded: getpid()))
    packet.appendInteger(UInt16(truncatingIfNeeded: address.bits))
    packet += Array("portside".utf8)
    packet.setInteger(FrameBuilder.checksum(packet[...], 0), at: 2)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = (address.v4Number ?? 0).bigEndian
    _ = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(socket, packet, packet.count, Int32(MSG_DONTWAIT), $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  func run(_ thread: ServiceThread) {
    while !thread.isStopping {
      if let address = receiveEcho() { settle(address, isTaken: true) }
      let now = clock.now()
      let quiet = probes.withLock { probes in probes.filter { $0.value.deadline <= now }.map(\.key) }
      for address in quiet { settle(address, isTaken: false) }
    }
  }

  private func settle(_ address: IPAddress, isTaken: Bool) {
    if let probe = probes.withLock({ $0.removeValue(forKey: address) }) { outcome(probe.pending, address, isTaken) }
  }

  /// The source of an echo reply, if one came.
  private func receiveEcho() -> IPAddress? {
    var buffer = [UInt8](repeating: 0, count: 256)
    var name = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let count = withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(socket, &buffer, 256, 0, $0, &length) }
    }
    guard count > 0 else { return nil }
    // A raw socket gives the IP header as well.
    let start = isRaw ? Int(buffer[0] & 0x0F) * 4 : 0
    guard start < count, buffer[start] == 0 else { return nil }
    return IPAddress(v4: UInt32(bigEndian: name.sin_addr.s_addr))
  }
}
