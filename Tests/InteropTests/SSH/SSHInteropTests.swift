import Foundation
import Testing

/// Real clients over loopback, against the `SSHFixture` program; `peers.py` has the cases. A client that is missing is a
/// failure: `Scripts/setup-test-peers` installs them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SSHInteropTests {
  @Test(arguments: [
    "openssh-ciphers", "openssh-exchanges", "openssh-rekeys", "openssh-sessions", "openssh-multiplexing",
    "openssh-log-in", "openssh-forwarding", "openssh-sftp", "putty", "dropbear", "paramiko", "asyncssh", "lftp",
    "second-factors", "sftp-escapes", "rsync-git", "sshfs", "audit", "half-open",
  ])
  func peer(_ name: String) async throws {
    let fixture = try #require(PeerScript.program("SSHFixture"), "the SSHFixture program was not built")
    let (status, text) = try PeerScript.run("peers.py", [fixture, name])
    #expect(status == 0, "\(text.suffix(4_000))")
  }
}
