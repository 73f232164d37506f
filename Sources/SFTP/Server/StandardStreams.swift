import Glibc
import Services
import SFTPCore

/// SFTP over this process's standard input and output: what a session helper runs as an account of the operating system.
public enum SFTPStandardStreams {
  /// Serves until the input ends. Blocks.
  ///
  /// - Parameter home: Where relative paths begin.
  /// - Returns: Whether the peer kept to the protocol.
  public static func serve(
    _ store: any FileStore, home: FilePath, report: @escaping @Sendable (SFTPEvent) -> Void = { _ in }
  ) -> Bool {
    let limits = SFTPLimits()
    var service = SFTPService(store: store, home: home, limits: limits, report: report)
    var input: [UInt8] = []
    while let more = receive() {
      input += more
      var taken = 0
      while true {
        var output = SFTPOutput()
        let count: Int
        do { count = try service.process(input.span.bytes.extracting(taken..<input.count), into: &output) } catch {
          return false
        }
        taken += count
        output.sealTail()
        guard output.chunks.allSatisfy(send) else { return true }
        if count == 0 { break }
      }
      input.removeFirst(taken)
    }
    return true
  }

  private static func receive() -> [UInt8]? {
    let bytes = [UInt8](unsafeUninitializedCapacity: 256 * 1024) { memory, count in
      var result: Int
      repeat { result = read(0, memory.baseAddress, memory.count) } while result < 0 && errno == EINTR
      count = max(0, result)
    }
    return bytes.isEmpty ? nil : bytes
  }

  private static func send(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { memory in
      var sent = 0
      while sent < memory.count {
        let result = write(1, memory.baseAddress.map { $0 + sent }, memory.count - sent)
        if result > 0 { sent += result } else if errno != EINTR { return false }
      }
      return true
    }
  }
}
