import TestKit
import Testing
import WireKit

@testable import SSHCore

/// What must never work (`security.md`), against the session itself.
@Suite struct HostileTests {
  private static func open(window: UInt32 = 1_000, maximum: UInt32 = 1_000) -> [UInt8] {
    var message: [UInt8] = [90]
    message.appendString("session")
    message.appendInteger(UInt32(0))
    message.appendInteger(window)
    message.appendInteger(maximum)
    return message
  }

  /// CVE-2023-48795: a packet before the first KEXINIT, which an attacker may inject unseen.
  @Test func terrapinBeforeTheExchange() throws {
    let client = try RawClient(exchangesKeys: false)
    try client.sendRaw(Array("SSH-2.0-test\r\n".utf8))
    try client.send([2, 0, 0, 0, 0])
    #expect(client.end == nil)
    let own = KeyExchangeInit(
      cookie: .random(16), algorithms: .init(), hostKeys: ["ssh-ed25519"], markers: ["kex-strict-c-v00@openssh.com"])
    try client.send(own.payload)
    #expect(client.end == "packets before the first KEXINIT")
  }

  @Test(arguments: [[2, 0, 0, 0, 0], [3, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0, 0, 0]] as [[UInt8]])
  func terrapinWithinTheExchange(_ message: [UInt8]) throws {
    let client = try RawClient(exchangesKeys: false)
    try client.sendRaw(Array("SSH-2.0-test\r\n".utf8))
    let own = KeyExchangeInit(
      cookie: .random(16), algorithms: .init(), hostKeys: ["ssh-ed25519"], markers: ["kex-strict-c-v00@openssh.com"])
    try client.send(own.payload)
    #expect(client.end == nil)
    try client.send(message)
    #expect(client.end == "a message within the first key exchange")
  }

  /// CVE-2018-10933, CVE-2025-32433.
  @Test(arguments: [51, 52, 53, 60, 80, 90, 94, 96, 98, 99, 6, 31] as [UInt8])
  func nothingBeyondLogInBeforeIt(_ number: UInt8) throws {
    let client = try RawClient()
    try client.handshake()
    try client.requestService()
    try client.send([number] + Self.open().dropFirst())
    #expect(client.end != nil)
    #expect(client.server.session.grant == nil)
    #expect(client.outside.starts.isEmpty)
  }

  @Test func channelOpenInThePlain() throws {
    let client = try RawClient()
    try client.sendRaw(Array("SSH-2.0-test\r\n".utf8))
    try client.send(Self.open())
    #expect(client.end == "a message that is not legal at this point")
  }

  /// CVE-2024-45337: key A is asked about and would do, key B signs.
  @Test func theKeyThatSignsCounts() throws {
    let (a, b) = (try PrivateKey(.ed25519), try PrivateKey(.ed25519))
    let client = try RawClient()
    client.outside.key = a
    try client.handshake()
    try client.requestService()
    func request(_ key: PrivateKey, blob: [UInt8], signs: Bool) throws -> [UInt8] {
      var message = RawClient.request("publickey")
      message.appendBool(signs)
      message.appendString("ssh-ed25519")
      message.appendString(blob)
      guard signs else { return message }
      var signed: [UInt8] = []
      signed.appendString(client.transport.sessionID)
      message.appendString(try key.sign(signed + message, algorithm: "ssh-ed25519"))
      return message
    }
    try client.send(request(a, blob: a.publicKey.blob, signs: false))
    #expect(client.messages.last?.first == 60)
    try client.send(request(b, blob: b.publicKey.blob, signs: true))
    #expect(client.messages.last?.first == 51)
    // And B's signature under A's name.
    try client.send(request(b, blob: a.publicKey.blob, signs: true))
    #expect(client.messages.last?.first == 51)
    try client.send(request(a, blob: a.publicKey.blob, signs: true))
    #expect(client.messages.contains { $0.first == 52 })
    #expect(client.outside.proofs.count == 2)
  }

  /// CVE-2020-9283: keys and signatures of every wrong length.
  @Test(arguments: [0, 1, 31, 33, 64, 300]) func oddKeysAreNoKeys(_ length: Int) throws {
    let client = try RawClient()
    try client.handshake()
    try client.requestService()
    var blob: [UInt8] = []
    blob.appendString("ssh-ed25519")
    blob.appendString([UInt8](repeating: 1, count: length))
    var message = RawClient.request("publickey")
    message.appendBool(true)
    message.appendString("ssh-ed25519")
    message.appendString(blob)
    message.appendString([UInt8](repeating: 2, count: length))
    try client.send(message)
    #expect(client.messages.last?.first == 51)
    #expect(client.outside.proofs.isEmpty)
  }

  @Test func x25519SharesOfLowOrderAreRefused() throws {
    for share in [[UInt8](repeating: 0, count: 32), [1] + [UInt8](repeating: 0, count: 31)] {
      #expect(throws: (any Error).self) { try X25519Exchange.respond(to: share) }
    }
    #expect(throws: (any Error).self) { try X25519Exchange.respond(to: [1, 2, 3]) }
    #expect(throws: (any Error).self) { try MLKEM768X25519.respond(to: [UInt8](repeating: 0, count: 1216)) }
    #expect(throws: (any Error).self) { try ECDHP256.respond(to: [4] + [UInt8](repeating: 1, count: 64)) }
  }

  @Test func aLargestPacketOfNothingIsRefused() throws {
    let client = try RawClient()
    try client.logIn()
    try client.send(Self.open(maximum: 0))
    #expect(client.messages.last?.first == 92)
  }

  @Test func windowsDoNotOverflow() throws {
    let client = try RawClient()
    try client.logIn()
    try client.send(Self.open(window: .max))
    var message: [UInt8] = [93]
    message.appendInteger(UInt32(0))
    message.appendInteger(UInt32(1))
    try client.send(message)
    #expect(client.end == "a window above 2^32-1")
  }

  @Test func dataBeyondTheWindowEndTheConnection() throws {
    var configuration = ServerSessionConfiguration(hostKeys: [try PrivateKey(.ed25519)])
    configuration.limits.channelWindow = 100
    let client = try RawClient(configuration)
    try client.logIn()
    try client.send(Self.open())
    var message: [UInt8] = [94]
    message.appendInteger(UInt32(0))
    message.appendString([UInt8](repeating: 0, count: 101))
    try client.send(message)
    #expect(client.end == "channel data beyond its window or its end")
  }

  @Test func channelsAreLimited() throws {
    let client = try RawClient()
    try client.logIn()
    for _ in 0..<101 { try client.send(Self.open()) }
    #expect(client.messages.count { $0.first == 91 } == 100)
    #expect(client.messages.last?.first == 92)
  }

  @Test(arguments: [0, 1, 4, 11, 0x0004_0001, 0x7FFF_FFFF, 0xFFFF_FFFF] as [UInt32])
  func lengthsAreBounded(_ length: UInt32) throws {
    let client = try RawClient()
    try client.sendRaw(Array("SSH-2.0-test\r\n".utf8))
    var bytes: [UInt8] = []
    bytes.appendInteger(length)
    try client.sendRaw(bytes + [UInt8](repeating: 0xFF, count: 60))
    #expect(client.end != nil)
  }

  @Test(arguments: ["\n", "GET / HTTP/1.1\r\n\r\n", "SSH-1.5-old\r\n", "SSH-2.0-" + String(repeating: "x", count: 300)])
  func whatIsNotSSHEnds(_ text: String) throws {
    let client = try RawClient()
    try client.sendRaw(Array(text.utf8))
    #expect(client.server.close != nil)
  }

  /// A wrong tag ends the connection and nothing of the packet is looked at.
  @Test func tamperedPacketsEnd() throws {
    let client = try RawClient()
    try client.logIn()
    try client.sendRaw([UInt8](repeating: 0x41, count: 400_000))
    #expect(client.end != nil)
  }

  /// Random contents in every message, before and after log-in: a reply or an end, never a trap.
  @Test(arguments: 1...8 as ClosedRange<UInt64>) func randomMessagesNeverTrap(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var client = try RawClient()
    var isFresh = true
    for number in 1...255 as ClosedRange<UInt8> where !(20...49).contains(number) {
      if client.end != nil || client.server.close != nil {
        client = try RawClient()
        isFresh = true
      }
      if isFresh {
        isFresh = false
        if seed % 2 == 0 { try client.logIn() } else { try client.handshake() }
        if seed % 4 == 0 { try client.send(Self.open()) }
      }
      let length = Int.random(in: 0...60, using: &generator)
      var body = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
      // Small numbers in front make lengths and channel numbers that lead further in.
      if Bool.random(using: &generator) { for index in 0..<min(7, body.count) { body[index] &= 3 } }
      try client.send([number] + body)
    }
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>) func randomStreamsNeverTrap(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let client = try RawClient()
    if seed % 2 == 0 { try client.sendRaw(Array("SSH-2.0-test\r\n".utf8)) }
    client.server.receive((0..<2_000).map { _ in UInt8.random(in: 0...255, using: &generator) })
  }
}
