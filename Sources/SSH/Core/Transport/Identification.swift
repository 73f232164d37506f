import WireKit

/// The identification strings that begin a connection (RFC 4253 §4.2): `SSH-2.0-software comments`.
enum Identification {
  /// The line's end included.
  static let maximumLength = 255
  /// Lines that a server may say before its identification.
  static let maximumPreambleLines = 20

  enum Outcome: Equatable {
    /// The line without its end, and how many bytes it takes with it.
    case line([UInt8], consumed: Int)
    case incomplete
  }

  /// Looks for the peer's identification at the front of the input. A client must begin with it; a server may say other
  /// lines before.
  static func find(in input: RawSpan, peer: Role) throws(SSHError) -> Outcome {
    var start = 0
    for _ in 0...maximumPreambleLines {
      var end = start
      while let byte = input.byte(at: end), byte != 0x0A {
        guard end - start < maximumLength else { throw SSHError(.protocolError, "the identification is too long") }
        // What cannot become an identification is refused before its line ends.
        if peer == .client, end - start < 4, byte != prefix[end - start] { throw notSSH }
        end += 1
      }
      guard end < input.byteCount else { return .incomplete }
      var line = input.extracting(start..<end).copied()
      if line.last == 0x0D { line.removeLast() }
      if line.starts(with: prefix) {
        guard isVersion2(line) else { throw SSHError(.versionNotSupported, "the peer's version is not 2.0") }
        guard line.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw notSSH }
        return .line(line, consumed: end + 1)
      }
      guard peer == .server else { throw notSSH }
      start = end + 1
    }
    throw notSSH
  }

  private static let prefix = Array("SSH-".utf8)
  private static var notSSH: SSHError { SSHError(.protocolError, "the peer does not speak SSH") }

  /// 1.99 means a server that also speaks version 1 (RFC 4253 §5.1).
  private static func isVersion2(_ line: [UInt8]) -> Bool {
    line.starts(with: Array("SSH-2.0-".utf8)) || line.starts(with: Array("SSH-1.99-".utf8))
  }
}
