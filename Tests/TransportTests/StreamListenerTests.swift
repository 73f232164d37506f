import Foundation
import NIOCore
import Services
import Testing
import Transport
import WireKit

@Suite(.timeLimit(.minutes(2))) struct StreamListenerTests {
  private static func plain() -> StreamListenerConfiguration {
    StreamListenerConfiguration(service: .smtp, refusal: Array("421 no\r\n".utf8))
  }

  @Test func answersPipelinedRequestsInOrder() async throws {
    let server = try await EchoServer.start(Self.plain())
    let client = try await server.connect()
    try await client.send("ECHO a\r\nSLOW b\r\nECHO c\r\nSLOW d\r\nECHO e\r\nQUIT\r\n")
    #expect(try await client.text(until: "bye\r\n") == "hello plain 127.0.0.1\r\na\r\nb\r\nc\r\nd\r\ne\r\nbye\r\n")
    #expect(try await client.wait { $0.isClosed })
  }

  @Test func reassemblesWhatComesByteByByte() async throws {
    let server = try await EchoServer.start(Self.plain())
    let client = try await server.connect()
    for byte in "ECHO one\r\nPUT 5\r\n12345ECHO two\r\n".utf8 { try await client.send([byte]) }
    #expect(try await client.text(until: "two\r\n").hasSuffix("one\r\nsum 255\r\ntwo\r\n"))
  }

  @Test func takesLargeBodiesUnderBackPressure() async throws {
    let server = try await EchoServer.start(Self.plain())
    let client = try await server.connect()
    let size = 8 << 20
    try await client.send("PUT \(size)\r\n")
    for _ in 0..<64 { try await client.send([UInt8](repeating: 1, count: size / 64)) }
    try await client.send("ECHO after\r\n")
    #expect(try await client.text(until: "after\r\n").hasSuffix("sum \(size)\r\nafter\r\n"))
  }

  @Test func sendsPartsOfFiles() async throws {
    let path = NSTemporaryDirectory() + "portside-\(UUID().uuidString)"
    let content = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    try Data(content).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = OpenFile(owning: open(path, O_RDONLY | O_CLOEXEC))
    let server = try await EchoServer.start(Self.plain(), file: file)
    let client = try await server.connect()
    for range in [0..<1_000_000, 3..<4, 100_000..<900_001] {
      client.received.state.withLock { $0.bytes = [] }
      try await client.send("FILE \(range.lowerBound) \(range.upperBound)\r\nECHO end\r\n")
      #expect(try await client.wait { $0.text.hasSuffix("end\r\n") })
      let bytes = client.received.state.withLock { $0.bytes }
      let start = try #require(bytes.firstRange(of: Array("sending\r\n".utf8))).upperBound
      // Outside of the macro, which would look for the smallest difference of a million bytes for ever.
      let isSame = bytes.count >= start + range.count && bytes[start..<start + range.count] == content[range]
      #expect(isSame)
      #expect(bytes.suffix(13) == Array("\r\nsent\r\nend\r\n".utf8)[...])
    }
  }

  /// A peer that does not read makes the session wait, not the memory grow; and nothing is lost when it reads again.
  @Test func waitsForSlowReaders() async throws {
    let server = try await EchoServer.start(Self.plain())
    let client = try await server.connect()
    try await client.channel.setOption(.autoRead, value: false).get()
    try await client.send("FLOOD 20000\r\nECHO end\r\n")
    try await Task.sleep(for: .milliseconds(200))
    try await client.channel.setOption(.autoRead, value: true).get()
    #expect(try await client.wait { $0.count > 20_000 * 1024 && $0.text.hasSuffix("end\r\n") })
  }

  @Test func timersRing() async throws {
    let server = try await EchoServer.start(Self.plain())
    let client = try await server.connect()
    try await client.send("TIMER\r\nECHO x\r\n")
    #expect(try await client.text(until: "rang\r\n").hasSuffix("x\r\nrang\r\n"))
  }

  @Test func cancelsWhatNobodyWaitsForAnyMore() async throws {
    let server = try await EchoServer.start(Self.plain())
    let client = try await server.connect()
    try await client.send("SLOW forever\r\n")
    #expect(try await client.wait { _ in server.handler.alive.withLock { $0.now } == 1 })
    try await client.channel.close()
    #expect(try await client.wait { _ in server.handler.alive.withLock { $0.cancelled } == 1 })
    #expect(try await client.wait { _ in server.listener.connectionCount == 0 })
  }

  @Test func cutsOffBodiesOfLostConnections() async throws {
    let server = try await EchoServer.start(Self.plain())
    let client = try await server.connect()
    try await client.send("PUT 1000\r\nabc")
    #expect(try await client.wait { _ in server.handler.alive.withLock { $0.now } == 1 })
    try await client.channel.close()
    #expect(try await client.wait { _ in server.handler.alive.withLock { $0.cancelled } == 1 })
  }

  /// Half-closed input (`printf … | nc`) still gets its answers.
  @Test func answersAfterTheEndOfInput() async throws {
    let server = try await EchoServer.start(Self.plain())
    let client = try await server.connect()
    try await client.send("ECHO last\r\n")
    try await client.channel.close(mode: .output)
    #expect(try await client.text(until: "eof\r\n").hasSuffix("last\r\neof\r\n"))
  }

  @Test func countsConnectionsPerSource() async throws {
    let server = try await EchoServer.start(Self.plain(), limits: SourceLimits(maximumConnectionsPerSource: 2))
    let first = try await server.connect()
    let second = try await server.connect()
    _ = try await first.text(until: "\r\n")
    _ = try await second.text(until: "\r\n")
    let third = try await server.connect()
    #expect(try await third.text(until: "\r\n") == "421 no\r\n")
    #expect(try await third.wait { $0.isClosed })
    try await first.channel.close()
    #expect(try await second.wait { _ in server.listener.connectionCount == 1 })
    let fourth = try await server.connect()
    #expect(try await fourth.text(until: "\r\n").hasPrefix("hello"))
  }

  @Test func turnsAwaySourcesUnderAPenalty() async throws {
    let server = try await EchoServer.start(Self.plain())
    server.penalties.rest.withLock { $0 = .seconds(5) }
    let client = try await server.connect()
    #expect(try await client.text(until: "\r\n") == "421 no\r\n")
    #expect(server.events.events.contains { $0.message == "refused: source under a penalty" })
  }

  @Test func drainsInGoodOrder() async throws {
    let server = try await EchoServer.start(Self.plain())
    let idle = try await server.connect()
    let busy = try await server.connect()
    _ = try await idle.text(until: "\r\n")
    try await busy.send("SLOW work\r\n")
    #expect(try await busy.wait { _ in server.handler.alive.withLock { $0.now } == 1 })
    await server.listener.drain(within: .seconds(5))
    #expect(try await idle.text(until: "closing\r\n").hasSuffix("closing\r\n"))
    // With "closing" behind it where the answer was there before the drain.
    #expect(try await busy.wait { $0.text.contains("work\r\n") })
    await #expect(throws: (any Error).self) { _ = try await server.connect() }
  }

  @Test func readsTheProxysHeaderFromProxiesOnly() async throws {
    var configuration = Self.plain()
    configuration.proxies = [try #require(IPNetwork("127.0.0.0/8"))]
    let server = try await EchoServer.start(configuration)
    let header: [UInt8] =
      [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 12]
      + [192, 0, 2, 7, 198, 51, 100, 9, 0x11, 0x22, 0, 25]
    let client = try await server.connect()
    for byte in header + Array("ECHO hi\r\n".utf8) { try await client.send([byte]) }
    #expect(try await client.text(until: "hi\r\n") == "hello plain 192.0.2.7\r\nhi\r\n")
    let liar = try await server.connect()
    try await liar.send("ECHO hi\r\n")
    #expect(try await liar.wait { $0.isClosed })
    #expect(liar.text.isEmpty)
  }
}
