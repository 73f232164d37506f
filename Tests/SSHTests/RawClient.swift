import TestKit
import Testing
import WireKit

@testable import SSHCore

/// A client that says whatever a test wants, in good packets or in none.
final class RawClient {
  let server: SessionDriver<ServerSession>
  let outside: Pair.Outside
  private(set) var transport: TransportMachine
  private var input: [UInt8] = []
  private var hasIdentification = false
  /// The payloads that came, those of key exchange apart.
  private(set) var messages: [[UInt8]] = []

  /// Whether the server's part of an exchange is answered as a client should.
  private let exchangesKeys: Bool

  init(_ configuration: ServerSessionConfiguration? = nil, exchangesKeys: Bool = true) throws {
    self.exchangesKeys = exchangesKeys
    let pair = try Pair(configuration: configuration)
    server = pair.server
    outside = pair.outside
    transport = TransportMachine(role: .client, limits: .init(), algorithms: .init(), hostKeys: [], software: "test")
    server.open()
  }

  var end: String? {
    server.events.lazy.compactMap { event -> String? in
      if case .disconnected(_, let diagnosis) = event { return diagnosis }
      return nil
    }.first
  }

  func sendRaw(_ bytes: [UInt8]) throws {
    server.receive(bytes)
    try readAll()
  }

  func send(_ payload: [UInt8]) throws {
    var bytes: [UInt8] = []
    try transport.sendNow(into: &bytes) { $0 += payload }
    try sendRaw(bytes)
  }

  /// Identification and first key exchange.
  func handshake() throws {
    var bytes: [UInt8] = []
    try transport.open(into: &bytes)
    try sendRaw(bytes)
    #expect(transport.exchange == nil && !transport.sessionID.isEmpty)
  }

  func requestService() throws {
    var message: [UInt8] = [5]
    message.appendString("ssh-userauth")
    try send(message)
  }

  func logIn() throws {
    try handshake()
    try requestService()
    try send(Self.passwordRequest("secret"))
    #expect(messages.contains { $0.first == 52 })
  }

  static func passwordRequest(_ password: String) -> [UInt8] {
    var message = request("password")
    message.append(0)
    message.appendString(password)
    return message
  }

  static func request(_ method: String) -> [UInt8] {
    var message: [UInt8] = [50]
    message.appendString("ann")
    message.appendString("ssh-connection")
    message.appendString(method)
    return message
  }

  private func readAll() throws {
    input += server.takeOutput()
    if !hasIdentification {
      let bytes = input
      guard case .line(let line, let count) = try Identification.find(in: bytes.span.bytes, peer: .server) else {
        return
      }
      transport.peerIdentification = line
      hasIdentification = true
      input.removeFirst(count)
    }
    while true {
      let bytes = input
      guard case .packet(let count) = try transport.reader.next(in: bytes.span.bytes, from: 0) else { return }
      input.removeFirst(count)
      let payload = Array(transport.reader.buffer[transport.reader.payload])
      guard let number = payload.first else { continue }
      guard (20...49).contains(number) else {
        messages.append(payload)
        continue
      }
      guard exchangesKeys else { continue }
      var output: [UInt8] = []
      if case .hostKeyOffered = try transport.receiveExchange(payload.span.bytes, into: &output) {
        try transport.acceptHostKey(into: &output)
      }
      if !output.isEmpty {
        server.receive(output)
        input += server.takeOutput()
      }
    }
  }
}
