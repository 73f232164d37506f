import SSHCore
import Services
import WireKit

/// What a `FileProgram` runs: bytes in, bytes out, on a thread that may wait for the medium.
package protocol BlockingService: Sendable {
  /// Takes from the front of `input`, and answers. Returns how many bytes were taken. Throws when the peer breaks the
  /// protocol; the channel ends then.
  mutating func process(_ input: RawSpan, into output: inout SFTPOutput) throws(WireError) -> Int
  /// Whether there is more to say without more input, once what was said has left.
  var hasMore: Bool { get }
  /// Set when it has finished by itself.
  var exit: ExitStatus? { get }
  /// How it ends when the peer has said all it had to say.
  var exitAtEnd: ExitStatus { get }
  /// It will not be asked again.
  func ended()
}

extension BlockingService {
  package func ended() {}
}

extension SFTPService: BlockingService {
  package var hasMore: Bool { false }
  package var exit: ExitStatus? { nil }
  package var exitAtEnd: ExitStatus { .code(0) }
}
