import Foundation
import NamesKit
import TFTPClient
import Testing
import WireKit

/// Real clients against our server, and our client against a real server.
@Suite struct TFTPClientsTests {
  /// A real client, by its command lines.
  struct Client: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var get: @Sendable (_ port: String, _ file: String, _ into: String) -> [String]
    var put: (@Sendable (_ port: String, _ from: String, _ name: String) -> [String])?
  }

  static func atftp(_ options: [String]) -> Client {
    let flags = options.flatMap { ["--option", $0] }
    return Client(
      testDescription: "atftp \(options.joined(separator: ", "))",
      get: { ["atftp"] + flags + ["-g", "-r", $1, "-l", $2, "127.0.0.1", $0] },
      put: { ["atftp"] + flags + ["-p", "-l", $1, "-r", $2, "127.0.0.1", $0] })
  }

  static func busybox(_ size: Int) -> Client {
    Client(
      testDescription: "busybox \(size)",
      get: { ["busybox", "tftp", "-g", "-b", "\(size)", "-r", $1, "-l", $2, "127.0.0.1", $0] },
      put: { ["busybox", "tftp", "-p", "-b", "\(size)", "-l", $1, "-r", $2, "127.0.0.1", $0] })
  }

  static func curl(_ flags: [String]) -> Client {
    Client(
      testDescription: "curl \(flags.joined(separator: " "))",
      get: { ["curl", "-sS"] + flags + ["-o", $2, "tftp://127.0.0.1:\($0)/\($1)"] },
      put: { ["curl", "-sS"] + flags + ["-T", $1, "tftp://127.0.0.1:\($0)/\($2)"] })
  }

  static let clients: [Client] = [
    Client(
      testDescription: "tftp-hpa",
      get: { ["tftp", "-m", "binary", "127.0.0.1", $0, "-c", "get", $1, $2] },
      put: { ["tftp", "-m", "binary", "127.0.0.1", $0, "-c", "put", $1, $2] }),
    atftp([]), atftp(["blksize 512"]), atftp(["blksize 1468", "windowsize 4"]),
    atftp(["blksize 8192", "windowsize 16"]),
    atftp(["blksize 1468", "windowsize 64", "tsize 0", "timeout 2"]), atftp(["blksize 65464"]), curl([]),
    curl(["--tftp-blksize", "1468"]), curl(["--tftp-no-options"]), busybox(512), busybox(1468), busybox(8192),
  ]

  static func content(_ count: Int) -> Data { Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }) }

  @Test(arguments: clients, [false, true])
  func readsAndWrites(client: Client, singlePort: Bool) throws {
    let scratch = try Scratch()
    for size in [0, 512, 100_000] { _ = try scratch.put(Self.content(size), "read/f\(size)") }
    _ = try scratch.put(Data(), "versions/.keep")
    let server = try NamesServer(
      [
        "tftp", "--listen", "127.0.0.1:0", "--read", "\(scratch.path)/read", "--write",
        "\(scratch.path)/versions/{device}",
      ]
        + (singlePort ? ["--single-port"] : []))
    for size in [512, 100_000] {
      let result = try Command.run(client.get(server.port, "f\(size)", "\(scratch.path)/got\(size)"))
      #expect(result.status == 0, "\(result.output)")
      #expect(try scratch.get("got\(size)") == Self.content(size))
    }
    if let put = client.put {
      let result = try Command.run(put(server.port, "\(scratch.path)/read/f100000", "config"))
      #expect(result.status == 0, "\(result.output)")
      let versions = scratch.files("versions/127.0.0.1")
      #expect(versions.count == 1)
      for version in versions { #expect(try scratch.get(version) == Self.content(100_000)) }
    }
    server.stop()
  }

  @Test func tftpHPATranslatesText() throws {
    let scratch = try Scratch()
    let text = Data("one\ntwo\r\nthree\n".utf8)
    _ = try scratch.put(text, "read/text")
    let server = try NamesServer(["tftp", "--listen", "127.0.0.1:0", "--read", "\(scratch.path)/read"])
    try Command.run(["tftp", "-m", "ascii", "127.0.0.1", server.port, "-c", "get", "text", "\(scratch.path)/got"])
    #expect(try scratch.get("got") == text)
    server.stop()
  }

  @Test(arguments: [clients[0], clients[1], clients[3], clients[7], clients[10]])
  func lossDuplicationAndReorderingChangeNothing(client: Client) async throws {
    let scratch = try Scratch()
    _ = try scratch.put(Self.content(60_000), "read/f")
    let server = try NamesServer(["tftp", "--listen", "127.0.0.1:0", "--read", "\(scratch.path)/read"])
    let endpoint = try #require(Endpoint(server.endpoints[0]))
    let relay = try LossyRelay(to: endpoint, loss: 0.03, seed: 11)
    let result = try Command.run(client.get(String(relay.port), "f", "\(scratch.path)/got"), seconds: 120)
    #expect(result.status == 0, "\(result.output)")
    #expect(try scratch.get("got") == Self.content(60_000))
    await relay.stop()
    server.stop()
  }

  /// Past 65,535 blocks: 40 MB in blocks of 512.
  @Test func curlFollowsTheRollOver() throws {
    let scratch = try Scratch()
    let bytes = Self.content(40_000_000)
    _ = try scratch.put(bytes, "read/big")
    let server = try NamesServer(["tftp", "--listen", "127.0.0.1:0", "--read", "\(scratch.path)/read"])
    let result = try Command.run(
      ["curl", "-sS", "-o", "\(scratch.path)/got", "tftp://127.0.0.1:\(server.port)/big"], seconds: 300)
    #expect(result.status == 0, "\(result.output)")
    #expect(try scratch.get("got") == bytes)
    server.stop()
  }

  /// Our client with tftp-hpa's server, which needs root for its chroot.
  @Test func ourClientSpeaksWithTFTPHPA() async throws {
    let scratch = try Scratch()
    _ = try scratch.put(Self.content(70_000), "root/f")
    try Command.run(["chmod", "-R", "a+rwx", scratch.path])
    let port = UInt16.random(in: 20_000...30_000)
    let daemon = Process()
    daemon.executableURL = URL(fileURLWithPath: try Command.find("in.tftpd"))
    daemon.arguments = [
      "-L", "-c", "-u", "root", "--address", "127.0.0.1:\(port)", "-s", "\(scratch.path)/root",
    ]
    try daemon.run()
    for (block, window) in [(nil, nil), (1_468, nil), (1_468, 8)] as [(Int?, Int?)] {
      var options = TFTPClient.Options()
      options.blockSize = block
      options.windowSize = window
      let client = TFTPClient(server: Endpoint(IPAddress(127, 0, 0, 1), port), options: options)
      #expect(try await Data(client.read("f")) == Self.content(70_000))
      try await client.write(Array(Self.content(3_000)), as: "new")
      #expect(try scratch.get("root/new") == Self.content(3_000))
    }
    // It was started with SIGTERM blocked, as the threads of tests have it.
    kill(daemon.processIdentifier, SIGKILL)
    daemon.waitUntilExit()
  }
}
