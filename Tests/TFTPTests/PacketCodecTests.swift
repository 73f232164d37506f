import TFTPCore
import Testing
import WireKit

@Suite struct PacketCodecTests {
  static func decode(_ bytes: [UInt8]) throws(WireError) -> Packet { try Packet.decode(bytes.span.bytes) }

  @Test(arguments: [
    Request(.read, "pxelinux.0"),
    Request(.read, "a b/ü.txt", mode: .netascii),
    Request(.write, "running-config", options: [TransferOption("blksize", 1468), TransferOption("tsize", 99)]),
    Request(.read, "x", options: [TransferOption("windowsize", 16), TransferOption("unknown", "value")]),
  ])
  func requestsComeBackAsTheyWere(request: Request) throws {
    #expect(try Self.decode(request.encoded()) == .request(request))
  }

  @Test func optionNamesAndModesAreCaseInsensitive() throws {
    let bytes: [UInt8] = [0, 1] + Array("f\0OcTeT\0BlkSize\0".utf8) + Array("1024\0".utf8)
    #expect(
      try Self.decode(bytes) == .request(Request(.read, "f", options: [TransferOption("blksize", 1024)])))
  }

  @Test func otherPacketsComeBack() throws {
    #expect(try Self.decode([0, 3, 0, 7, 1, 2, 3]) == .data(block: 7, payload: 4..<7))
    #expect(try Self.decode([0, 3, 0xFF, 0xFF]) == .data(block: 65_535, payload: 4..<4))
    #expect(try Self.decode(Packet.encodedAcknowledgement(513)) == .acknowledgement(block: 513))
    #expect(try Self.decode(Packet.encodedError(.fileNotFound, "no")) == .error(.fileNotFound, message: "no"))
    let options = [TransferOption("tsize", 5), TransferOption("blksize", 8)]
    #expect(try Self.decode(Packet.encodedOptions(options)) == .optionAcknowledgement(options))
  }

  /// An ERROR without its closing NUL, with control characters: still an ERROR.
  @Test func errorsAreReadLeniently() throws {
    #expect(try Self.decode([0, 5, 0, 2, 0x41, 0x1B, 0x42]) == .error(.accessViolation, message: "A?B"))
    #expect(try Self.decode([0, 5, 0, 9]) == .error(ErrorCode(rawValue: 9), message: ""))
  }

  @Test(arguments: [
    [], [0], [0, 0], [0, 7], [9, 1], [0, 1], [0, 1, 0], [0, 1, 65], [0, 1, 65, 0], [0, 1, 65, 0, 111, 0], [0, 3],
    [0, 3, 0],
    [0, 4, 1], [0, 5], [0, 1] + Array("a\u{1b}[2J\0octet\0".utf8), [0, 1] + Array("f\0mail\0".utf8),
    [0, 1, 0xFF, 0xFE, 0] + Array("octet\0".utf8), [0, 2] + Array("f\0octet\0blksize\0".utf8),
    [0, 1] + Array("f\0octet\0blksize\0001".utf8),
    [0, 1] + [UInt8](repeating: 65, count: 520) + Array("\0octet\0".utf8),
    [0, 1] + Array("file\0../../etc/passwd\0octet\0".utf8),
  ])
  func whatIsMalformedIsRefused(bytes: [UInt8]) {
    #expect(throws: WireError.self) { _ = try Self.decode(bytes) }
  }

  /// No prefix and no changed byte of a good packet traps; a request that is cut is never taken for another file's.
  @Test func noVariantTraps() throws {
    let good = try Request(.read, "dir/file", options: [TransferOption("blksize", 1468)]).encoded()
    for length in 0..<good.count {
      let packet = try? Self.decode(Array(good[..<length]))
      if case .request(let request) = packet { #expect(request.fileName == "dir/file") }
    }
    for index in good.indices {
      for byte in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
        var changed = good
        changed[index] = byte
        _ = try? Self.decode(changed)
      }
    }
  }

  @Test func requestsThatCannotTravelAreRefused() {
    #expect(throws: WireError.self) { _ = try Request(.read, "a\0b").encoded() }
    #expect(throws: WireError.self) { _ = try Request(.read, String(repeating: "x", count: 510)).encoded() }
  }
}
