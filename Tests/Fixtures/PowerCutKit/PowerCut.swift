import Foundation

/// Runs a program and records which system calls it makes on files.
public enum PowerCut {
  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  /// - Parameters:
  ///   - words: The program and its arguments; it says `ACK …` on standard output once something is to be kept.
  ///   - root: The folder that counts.
  public static func record(_ words: [String], in root: String) throws -> [RecordedCall] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/strace")
    process.arguments =
      [
        "-f", "-xx", "-s", "10000000", "-o", "\(root)/trace", "-e",
        "trace=openat,close,write,pwrite64,ftruncate,fdatasync,fsync,rename,unlink,mkdir",
      ] + words
    process.standardOutput = FileHandle.nullDevice
    process.environment = ["SWIFT_BACKTRACE": "enable=no", "PATH": "/usr/bin:/bin"]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "strace is missing, or \(words.first ?? "") failed: \(process.terminationStatus)")
    }
    return TraceParser(root: root).parse(try String(contentsOfFile: "\(root)/trace", encoding: .utf8))
  }
}
