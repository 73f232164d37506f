import Glibc
import WireKit

/// Tells the service manager how this service is (sd_notify(3)): datagrams to `NOTIFY_SOCKET`. Without one, nothing.
struct ServiceNotifier: Sendable {
  private var descriptor: Descriptor?
  private var path = ""
  /// How often `WATCHDOG=1` is due: half of `WATCHDOG_USEC`.
  private(set) var watchdogInterval: Duration?

  /// None.
  init() {}

  /// That of this process's environment; the variables are taken out of it.
  static func fromEnvironment() -> ServiceNotifier {
    let (path, period, pid) = (
      Environment.take("NOTIFY_SOCKET"), Environment.take("WATCHDOG_USEC"), Environment.take("WATCHDOG_PID")
    )
    var notifier = ServiceNotifier()
    guard let path, path.hasPrefix("/") || path.hasPrefix("@") else { return notifier }
    let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { return notifier }
    notifier.descriptor = Descriptor(number)
    notifier.path = path
    if let period, let microseconds = Int64(period), microseconds > 1, pid.map({ Int32($0) == getpid() }) ?? true {
      notifier.watchdogInterval = .microseconds(microseconds / 2)
    }
    return notifier
  }

  /// Sends lines such as `READY=1`. A service manager that is away is no error.
  func send(_ lines: String...) {
    guard let descriptor else { return }
    let bytes = Array(lines.joined(separator: "\n").utf8)
    // A leading @ means the abstract name space, where the first byte is zero and the length ends the name.
    let isAbstract = path.hasPrefix("@")
    _ = SocketAddress.with(path: path) { pointer, length in
      var address = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_un.self)
      let size = isAbstract ? socklen_t(2 + path.utf8.count) : length
      if isAbstract { withUnsafeMutableBytes(of: &address.sun_path) { $0.storeBytes(of: 0, as: UInt8.self) } }
      return withUnsafePointer(to: &address) { whole in
        whole.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          sendto(
            descriptor.number, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT), $0, size)
        }
      }
    }
  }

  /// `RELOADING=1` with the time that systemd wants beside it.
  func sendReloading() {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    send("RELOADING=1", "MONOTONIC_USEC=\(Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)")
  }
}
