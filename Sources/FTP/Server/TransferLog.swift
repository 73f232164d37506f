import Glibc
import Services
import WireKit

/// Lines as wu-ftpd's xferlog(5) has them, which every statistics program reads.
///
/// ```
/// Wed Mar 25 08:15:30 2026 2 192.168.10.5 1048576 /in/scan.pdf b _ i r ann@lab.test ftp 0 * c
/// ```
enum TransferLog {
  struct Entry {
    var time: WallTime
    var elapsed: Duration
    var peer: IPAddress
    var bytes: UInt64
    var path: FilePath
    var isText: Bool
    var isUpload: Bool
    /// `nil` for an anonymous client.
    var account: String?
    var isComplete: Bool
  }

  static func line(_ entry: Entry) -> [UInt8] {
    let time = CivilTime(entry.time)
    let weekday = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][min(max(time.weekday, 0), 6)]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let day = (time.day < 10 ? " " : "") + String(time.day)
    let seconds = max(1, (entry.elapsed.wholeNanoseconds + 500_000_000) / 1_000_000_000)
    let front =
      "\(weekday) \(months[min(max(time.month - 1, 0), 11)]) \(day) \(time.clock) \(time.year) \(seconds) "
      + "\(entry.peer) \(entry.bytes) "
    let back =
      " \(entry.isText ? "a" : "b") _ \(entry.isUpload ? "i" : "o") \(entry.account == nil ? "a" : "r") "
      + "\(entry.account ?? "anonymous") ftp 0 * \(entry.isComplete ? "c" : "i")\n"
    return Array(front.utf8) + entry.path.bytes.map { $0 <= 0x20 || $0 == 0x7F ? 0x5F : $0 } + Array(back.utf8)
  }

  /// Appends a line. The file is opened each time, so that whoever rotates it need not tell anyone.
  static func append(_ line: [UInt8], to path: String) {
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { return }
    _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
  }
}
