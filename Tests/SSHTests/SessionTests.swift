import TestKit
import Testing
import WireKit

@testable import SSHCore

@Suite struct SessionTests {
  private static func loggedIn(
    _ configuration: ServerSessionConfiguration? = nil, algorithms: AlgorithmPreferences = .init(),
    commands: [ClientCommand] = [], seed: UInt64 = 1, maximumPiece: Int = 1_500
  ) throws -> Pair {
    let pair = try Pair(configuration: configuration, algorithms: algorithms)
    pair.outside.credentials = [Pair.password("secret")]
    pair.outside.commands = commands
    pair.open()
    pair.talk(seed: seed, maximumPiece: maximumPiece)
    #expect(pair.isLoggedIn, "\(pair.server.events) \(pair.client.events)")
    return pair
  }

  @Test(arguments: KeyExchangeAlgorithm.table.map(\.name)) func everyKeyExchange(_ name: String) throws {
    var algorithms = AlgorithmPreferences()
    algorithms.keyExchanges = [name]
    let pair = try Self.loggedIn(algorithms: algorithms)
    #expect(pair.server.session.transport.sessionID == pair.client.session.transport.sessionID)
  }

  @Test(arguments: CipherAlgorithm.table.map(\.name), MACAlgorithm.table.map(\.name))
  func everyCipherCarriesData(_ cipher: String, _ mac: String) throws {
    var algorithms = AlgorithmPreferences()
    algorithms.ciphers = [cipher]
    algorithms.macs = [mac]
    let pair = try Self.loggedIn(
      algorithms: algorithms, commands: [.run(.exec(Array("cat".utf8)))], seed: 7, maximumPiece: 9_000)
    let sent = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 131 >> 5) }
    pair.tell(.send(ChannelNumber(0), sent))
    pair.tell(.sendEOF(ChannelNumber(0)))
    pair.talk(seed: 8, maximumPiece: 9_000)
    #expect(pair.data() == sent)
  }

  @Test(arguments: PrivateKey.Kind.allCases) func everyHostKey(_ kind: PrivateKey.Kind) throws {
    let key = try PrivateKey(kind)
    _ = try Self.loggedIn(ServerSessionConfiguration(hostKeys: [key]))
    let again = try PrivateKey(openSSHFile: key.openSSHFile(comment: "test"))
    #expect(again.publicKey == key.publicKey)
  }

  @Test(arguments: PrivateKey.Kind.allCases) func everyUserKey(_ kind: PrivateKey.Kind) throws {
    let pair = try Pair()
    let key = try PrivateKey(kind)
    pair.outside.key = key
    pair.outside.credentials = [.publicKey(key)]
    pair.open()
    pair.talk()
    #expect(pair.isLoggedIn)
  }

  /// Every packet boundary falls everywhere: one byte at a time.
  @Test func worksByteByByte() throws {
    let pair = try Self.loggedIn(commands: [.run(.exec(Array("say 3000".utf8)))], maximumPiece: 1)
    #expect(pair.data() == [UInt8](repeating: 0x78, count: 3_000))
    #expect(pair.client.events.contains { if case .exited(_, .code(0)) = $0 { true } else { false } })
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>) func survivesAnyFragmentation(_ seed: UInt64) throws {
    let pair = try Self.loggedIn(commands: [.run(.exec(Array("say 70000".utf8)))], seed: seed, maximumPiece: 400)
    #expect(pair.data().count == 70_000)
  }

  /// Keys change many times, from both ends, while data flow both ways; nothing is lost or reordered.
  @Test(arguments: 1...8 as ClosedRange<UInt64>) func rekeysUnderLoadWithoutLoss(_ seed: UInt64) throws {
    var configuration = ServerSessionConfiguration(hostKeys: [try PrivateKey(.ed25519)])
    configuration.limits.rekeyBytes = 20_000
    let pair = try Self.loggedIn(configuration, commands: [.run(.exec(Array("cat".utf8)))], seed: seed)
    let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
    for part in 0..<10 {
      pair.tell(.send(ChannelNumber(0), Array(sent[part * 30_000..<(part + 1) * 30_000])))
      if part % 3 == 0 { pair.tell(.rekey) }
      pair.talk(seed: seed &+ UInt64(part), maximumPiece: 4_000)
    }
    #expect(pair.data() == sent)
    let exchanges = pair.client.events.count { if case .keysExchanged = $0 { true } else { false } }
    #expect(exchanges > 10)
  }

  @Test func rekeysByTime() throws {
    var configuration = ServerSessionConfiguration(hostKeys: [try PrivateKey(.ed25519)])
    configuration.limits.keepAliveInterval = nil
    let pair = try Self.loggedIn(configuration)
    let before = pair.server.events.count { if case .keysExchanged = $0 { true } else { false } }
    pair.server.advance(by: .seconds(3_700))
    pair.talk()
    #expect(pair.server.events.count { if case .keysExchanged = $0 { true } else { false } } == before + 1)
  }

  @Test func graceTimeEndsTheConnection() throws {
    let pair = try Pair()
    pair.open()
    pair.server.advance(by: .seconds(121))
    #expect(pair.server.close != nil)
    #expect(pair.server.events.contains(.graceExceeded))
  }

  @Test func keepAlivesFindDeadPeers() throws {
    let pair = try Self.loggedIn()
    for _ in 0..<10 { pair.server.advance(by: .seconds(61)) }
    #expect(pair.serverEnd == "the peer does not answer")
  }

  @Test func manyChannels() throws {
    let pair = try Self.loggedIn(
      commands: (0..<50).map { _ in ClientCommand.run(.exec(Array("say 1000".utf8))) })
    for channel in 0..<50 { #expect(pair.data(UInt32(channel)).count == 1_000) }
    #expect(pair.server.session.channels.isEmpty)
  }

  @Test func outputIsHeldToTheWindow() throws {
    var limits = SSHLimits()
    limits.channelWindow = 10_000
    limits.channelPacket = 1_000
    let pair = try Pair(clientLimits: limits)
    pair.outside.credentials = [Pair.password("secret")]
    pair.outside.commands = [.run(.exec(Array("say 200000".utf8)))]
    pair.open()
    pair.talk()
    #expect(pair.data().count == 200_000)
  }

  @Test func environmentIsFilteredByName() throws {
    let configuration = ServerSessionConfiguration(hostKeys: [try PrivateKey(.ed25519)])
    #expect(configuration.accepts(variable: "LC_ALL"))
    for name in ["LD_PRELOAD", "", "LC_ALL=x", "PATH", "lc_all"] { #expect(!configuration.accepts(variable: name)) }
  }
}
