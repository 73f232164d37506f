import TestKit
import Testing
import WireKit

@testable import FTPCore

/// The two sessions with each other.
@Suite struct BackToBackTests {
  @Test func aClientLogsInOverTLSAndAsks() throws {
    let server = ServerSessionTests.driver(.init())
    let client = SessionDriver(FTPClientSession())
    client.open()
    var heard: [String] = []
    let script: [FTPClientStep] = [
      .send(FTPCommand(FTPVerb("AUTH" as StaticString), Array("TLS".utf8))), .startTLS,
      .send(FTPCommand(FTPVerb("USER" as StaticString), Array("ann".utf8))),
      .send(FTPCommand(FTPVerb("PASS" as StaticString), Array("right".utf8))),
      .send(FTPCommand(FTPVerb("FEAT" as StaticString))),
      .send(FTPCommand(FTPVerb("SIZE" as StaticString), Array("a b".utf8))),
      .send(FTPCommand(FTPVerb("QUIT" as StaticString))), .close,
    ]
    for step in script {
      client.receive(server.takeOutput())
      let (news, ticket) = try #require(client.requests.first)
      switch news {
      case .reply(let reply): heard.append("\(reply.code)")
      case .secured(let parameters): heard.append(parameters.version)
      }
      client.resume(step, for: ticket)
      if step == .startTLS {
        #expect(client.wantsTLS && server.wantsTLS)
        server.establishTLS()
        client.establishTLS()
      }
      server.receive(client.takeOutput())
    }
    #expect(heard == ["220", "234", "TLSv1.3", "331", "230", "211", "213", "221"])
    #expect(server.close == .afterWrites && client.close == .afterWrites)
    #expect(client.events.contains(.sent("PASS ••••")))
  }

  @Test func aServerThatTalksNonsenseIsLeft() {
    for text in ["hello\r\n", "\u{0}\r\n", String(repeating: "x", count: 20_000)] {
      let client = SessionDriver(FTPClientSession())
      client.open()
      client.receive(text.utf8)
      #expect(client.close == .immediately && client.events == [.malformed], "\(text.prefix(10))")
    }
  }
}
