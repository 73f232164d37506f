import Glibc
import NIOPosix
import Services
import SSHCore
import SSHServer
import Transport
import WireKit

// An SSH server for tests with real clients. Prints one line, `port N`, and serves until its input ends.
//
// Options, each with a value: --host-key FILE (several), --authorized FILE, --user NAME, --password TEXT, --code TEXT (a
// second factor), --ways publickey,keyboard-interactive (several), --ciphers, --kex, --macs LIST, --rekey BYTES,
// --home DIRECTORY, --files DIRECTORY (for SFTP), --permit LIST, --banner TEXT, --grace SECONDS, --verbose yes, --port N.
let options = FixtureOptions(Array(CommandLine.arguments.dropFirst()))
let group = MultiThreadedEventLoopGroup(numberOfThreads: options.threads)
let server = try options.makeServer()
try await server.start(descriptor: options.boundSocket(), on: group)
let line = Array("port \(server.localEndpoint?.port ?? 0)\n".utf8)
_ = write(1, line, line.count)
await withCheckedContinuation { continuation in
  let thread = NIOThreadPool(numberOfThreads: 1)
  thread.start()
  thread.submit { _ in
    var byte: UInt8 = 0
    while read(0, &byte, 1) > 0 {}
    continuation.resume()
  }
}
exit(0)
