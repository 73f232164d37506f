import TestKit
import Testing
import WireKit

@testable import RDPCore

/// Sessions without a network: the server against our own client, and against bytes that no client should send.
struct SessionTests {
  static func configuration(_ protocols: SecurityProtocols = [.ssl, .hybrid, .hybridEx]) -> ServerSessionConfiguration {
    ServerSessionConfiguration(
      protocols: protocols, hostname: "srv.lab.test", random: (1...16).map { UInt8($0) },
      fileTime: 133_000_000_000_000_000)
  }

  static func server(_ protocols: SecurityProtocols = [.ssl, .hybrid, .hybridEx]) -> SessionDriver<ServerSession> {
    let driver = SessionDriver(ServerSession(configuration(protocols))) { request -> ServerReply? in
      switch request {
      case .publicKey: .publicKey([1, 2, 3])
      case .logIn(let name, let password, _):
        .verdict(name == "ann" && password.value == "secret" ? .granted(account: "ann@lab.test") : .denied)
      case .start: .started(true)
      case .input, .resize, .events, .refresh, .resizeDesktop: .done
      case .output, .judge, .frame: nil
      }
    }
    driver.open()
    return driver
  }

  /// Carries bytes to and fro until both are silent; `cut` at a time towards the server.
  private func converse(
    _ client: SessionDriver<ClientSession>, _ server: SessionDriver<ServerSession>, cut: Int = .max
  ) {
    while true {
      let up = client.takeOutput()
      if client.wantsTLS, server.wantsTLS {
        client.establishTLS()
        server.establishTLS()
      }
      var offset = 0
      while offset < up.count {
        let end = offset + min(cut, up.count - offset)
        server.receive(up[offset..<end])
        offset = end
      }
      let down = server.takeOutput()
      if !down.isEmpty { client.receive(down) }
      if up.isEmpty, down.isEmpty, client.output.isEmpty, !client.wantsTLS { return }
    }
  }

  @Test(arguments: [1, 2, 3, 7, 64, .max]) func ourOwnClientReachesThePicture(_ cut: Int) {
    let (client, server) = (SessionDriver(ClientSession(protocols: .ssl)), Self.server())
    client.open()
    converse(client, server, cut: cut)
    #expect(client.events.last == .finished, "\(client.events)")
    let rungs = client.events.compactMap { if case .rung(let rung, _) = $0 { rung } else { nil } }
    #expect(rungs == ClientSession.Rung.allCases.filter { $0 != .nla })
  }

  @Test func theLadderNamesTheRungThatIsMissing() {
    let (client, server) = (SessionDriver(ClientSession(protocols: .ssl)), Self.server([.hybrid]))
    client.open()
    converse(client, server)
    #expect(client.events == [.failed(.negotiation, "the server refused: hybridRequired")])
    #expect(server.close != nil)
    let (second, other) = (SessionDriver(ClientSession(protocols: [.ssl, .hybrid])), Self.server([.hybrid]))
    second.open()
    converse(second, other)
    #expect(second.events.last == .finished, "\(second.events)")
  }

  @Test func theLegacyLayerIsNeverSpoken() {
    let server = Self.server()
    var bytes: [UInt8] = []
    ConnectionRequest(cookie: "Cookie: mstshash=ann", protocols: nil).encode(into: &bytes)
    server.receive(bytes)
    #expect(server.takeOutput().suffix(8) == [3, 0, 8, 0, 1, 0, 0, 0])
    #expect(server.close != nil)
  }

  /// From here on a server that has seen TLS, and the client's first packets.
  private func connected(_ edit: (inout [UInt8]) -> Void = { _ in }) -> SessionDriver<ServerSession> {
    let (client, server) = (SessionDriver(ClientSession(protocols: .ssl)), Self.server())
    client.open()
    server.receive(client.takeOutput())
    client.receive(server.takeOutput())
    client.establishTLS()
    server.establishTLS()
    var initial = client.takeOutput()
    edit(&initial)
    server.receive(initial)
    return server
  }

  @Test func anOrdinaryConnectInitialIsAnswered() {
    let server = connected()
    #expect(server.close == nil && server.takeOutput().starts(with: [3, 0]))
  }

  /// The client says back which protocol was negotiated: another one is an attack on the negotiation.
  @Test func aDowngradeIsSeen() throws {
    let server = connected { bytes in
      // SERVER_SELECTED_PROTOCOL stands before the security block (0xC002).
      let place = (0..<bytes.count - 1).last { bytes[$0] == 0x02 && bytes[$0 + 1] == 0xC0 } ?? 0
      bytes[place - 4] = 2
    }
    #expect(server.close != nil && server.takeOutput().isEmpty)
  }

  /// Cut short, lengthened, and with every byte changed: an end or an answer, never a trap.
  @Test func damagedConnectInitials() {
    for position in 0..<500 {
      for change in [UInt8(0x00), 0x01, 0x7F, 0x80, 0xFF] {
        let server = connected { bytes in if position < bytes.count { bytes[position] = change } }
        _ = server.takeOutput()
      }
      _ = connected { bytes in bytes.removeLast(min(position, bytes.count)) }
    }
  }

  @Test func packetsOutOfTurn() {
    let fastPathTooEarly = connected()
    fastPathTooEarly.receive([0x04, 0x04, 0x00, 0x1E])
    #expect(fastPathTooEarly.close != nil)
    let negotiationTwice = connected()
    var bytes: [UInt8] = []
    ConnectionRequest(protocols: .ssl).encode(into: &bytes)
    negotiationTwice.receive(bytes)
    #expect(negotiationTwice.close != nil)
  }

  @Test func joinsAreBounded() {
    let server = connected()
    server.receive([3, 0, 0, 8, 2, 0xF0, 0x80, 0x28])
    for _ in 0..<200 { server.receive([3, 0, 0, 12, 2, 0xF0, 0x80, 0x38, 0, 3, 3, 0xEB]) }
    #expect(server.close != nil)
  }

  @Test func aClientThatWaitsIsLetGo() {
    let server = Self.server()
    server.advance(by: .seconds(31))
    #expect(server.close != nil)
  }

  @Test func theLogInScreenTakesThreeAttempts() {
    let (client, server) = (SessionDriver(ClientSession(protocols: .ssl)), Self.server())
    client.open()
    converse(client, server)
    func type(_ text: String) {
      for unit in text.utf16 {
        server.receive([0x04, 5, 0x80, UInt8(truncatingIfNeeded: unit), UInt8(truncatingIfNeeded: unit >> 8)])
      }
      server.advance(by: .milliseconds(50))
    }
    for _ in 0..<2 { type(server.session.logInScreen?.name == "" ? "ann\rwrong\r" : "wrong\r") }
    #expect(server.close == nil && server.session.account == nil)
    type("secret\r")
    #expect(server.session.account == "ann@lab.test" && server.session.isRunning)
    let refused = Self.server()
    let another = SessionDriver(ClientSession(protocols: .ssl))
    another.open()
    converse(another, refused)
    for text in ["ann\rx\r", "x\r", "x\r"] {
      for unit in text.utf16 { refused.receive([0x04, 5, 0x80, UInt8(truncatingIfNeeded: unit), 0]) }
    }
    #expect(refused.close != nil)
  }

  @Test func secretsHaveNoText() {
    let request = ServerRequest.logIn(name: "ann", password: HiddenText("hidden-one"), code: HiddenText("hidden-two"))
    #expect(!"\(request)".contains("hidden-") && !String(reflecting: request).contains("hidden-"))
    var dumped = ""
    dump(request, to: &dumped)
    #expect(!dumped.contains("hidden-"))
  }
}
