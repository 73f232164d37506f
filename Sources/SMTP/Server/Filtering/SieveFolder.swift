import Glibc
import Services
import SieveCore
import Synchronization

/// The scripts of accounts: `ACCOUNT.sieve` in one folder. Read again when a file has changed.
public final class SieveFolder: Sendable {
  private struct Entry {
    var changed: Int64
    var size: Int64
    var script: SieveScript?
  }

  private let path: String
  private let cache = Mutex<[String: Entry]>([:])

  public init(path: String) { self.path = path }

  /// The script of an account; `nil` where there is none, or none that can be understood.
  func script(of account: String) -> SieveScript? {
    // Account names hold no slash; the check is for those who change that one day.
    guard !account.contains("/"), !account.hasPrefix(".") else { return nil }
    let file = "\(path)/\(account).sieve"
    var status = stat()
    guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    let changed = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    let size = Int64(status.st_size)
    if let entry = cache.withLock({ $0[account] }), entry.changed == changed, entry.size == size { return entry.script }
    let script = Self.read(file).flatMap { try? SieveScript($0) }
    cache.withLock { cache in
      if cache.count > 10_000 { cache.removeAll() }
      cache[account] = Entry(changed: changed, size: size, script: script)
    }
    return script
  }

  private static func read(_ file: String) -> String? {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= SieveScript.maximumSize {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

/// Whom somebody's absence was told already, in memory and in a file, so that a restart tells nobody twice (RFC 5230 §4.2).
public final class VacationMemory: Sendable {
  private static let capacity = 100_000

  private let file: String?
  private let told: Mutex<[String: Int64]>

  /// - Parameter file: `nil` keeps it in memory alone.
  public init(file: String?) {
    self.file = file
    var known: [String: Int64] = [:]
    if let file, let text = Self.read(file) {
      for line in text.split(separator: "\n").suffix(Self.capacity) {
        let parts = line.split(separator: " ", maxSplits: 1)
        if parts.count == 2, let until = Int64(parts[0]) { known[String(parts[1])] = until }
      }
    }
    told = Mutex(known)
  }

  /// Whether this sender is to be told now; then it counts as told for so long.
  func isDue(_ account: String, _ sender: String, _ handle: String, for seconds: Int64, now: Int64) -> Bool {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in handle.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let key = "\(account) \(sender.lowercased()) \(String(hash, radix: 36))"
    return told.withLock { told in
      if let until = told[key], until > now { return false }
      if told.count >= Self.capacity { told = told.filter { $0.value > now } }
      told[key] = now + seconds
      if let file { Self.append("\(now + seconds) \(key)\n", to: file) }
      return true
    }
  }

  private static func append(_ line: String, to file: String) {
    let descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = Array(line.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
  }

  private static func read(_ file: String) -> String? {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < 64 << 20 {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
