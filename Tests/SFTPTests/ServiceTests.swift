import Files
import Foundation
import Services
import TestKit
import Testing
import WireKit

@testable import SFTPCore
@testable import SFTPServer

@Suite struct ServiceTests {
  /// A service over a directory of its own.
  private final class Fixture {
    let path = NSTemporaryDirectory() + "portside-sftp-\(UUID().uuidString)"
    var service: SFTPService
    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      service = SFTPService(store: try DiskFileStore(root: path), home: FilePath(), limits: .init(), report: { _ in })
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func send(_ bytes: [UInt8]) throws -> (consumed: Int, answer: [UInt8]) {
      var output = SFTPOutput()
      let consumed = try service.process(bytes.span.bytes, into: &output)
      output.sealTail()
      return (consumed, Array(output.chunks.joined()))
    }

    func start() throws { _ = try send([0, 0, 0, 5, 1, 0, 0, 0, 3]) }
  }

  private static func packet(_ type: UInt8, id: UInt32 = 1, _ content: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(UInt32(content.count + 5))
    bytes.append(type)
    bytes.appendInteger(id)
    return bytes + content
  }

  private static func string(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.appendSFTPString(bytes)
    return result
  }

  private static func open(_ name: String, _ flags: UInt32) -> [UInt8] {
    var content = string(name.utf8)
    content.appendInteger(flags)
    content.appendInteger(UInt32(0))
    return packet(3, content)
  }

  private static func status(_ answer: [UInt8]) -> UInt32? {
    guard answer.count >= 13, answer[4] == 101 else { return nil }
    return answer[9..<13].reduce(0) { $0 << 8 | UInt32($1) }
  }

  @Test func saysItsVersionAndExtensions() throws {
    let fixture = try Fixture()
    let answer = try fixture.send([0, 0, 0, 5, 1, 0, 0, 0, 3]).answer
    #expect(Array(answer[4..<9]) == [2, 0, 0, 0, 3])
    let text = String(decoding: answer, as: UTF8.self)
    for name in ["posix-rename@openssh.com", "limits@openssh.com", "users-groups-by-id@openssh.com", "copy-data"] {
      #expect(text.contains(name))
    }
  }

  @Test func nothingBeforeTheVersion() throws {
    #expect(throws: WireError.self) { try Fixture().send(Self.packet(17, Self.string("/".utf8))) }
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() throws {
    let fixture = try Fixture()
    try fixture.start()
    var bytes = Self.open("f", 0x1B)
    var write = Self.string([0, 0, 0, 0])
    write.appendInteger(UInt64(0))
    bytes += Self.packet(6, id: 2, write + Self.string("hello".utf8))
    var read = Self.string([0, 0, 0, 0])
    read.appendInteger(UInt64(1))
    read.appendInteger(UInt32(100))
    bytes += Self.packet(5, id: 3, read) + Self.packet(4, id: 4, Self.string([0, 0, 0, 0]))
    let (consumed, answer) = try fixture.send(bytes)
    #expect(consumed == bytes.count)
    #expect(String(decoding: answer, as: UTF8.self).contains("ello"))
    #expect(fixture.service.handles.isEmpty)
  }

  /// The same packets, offered in any pieces, give the same answers.
  @Test func piecesMakeNoDifference() throws {
    let requests = [
      Self.open("f", 0x1B), Self.packet(16, Self.string(".".utf8)), Self.packet(17, Self.string("f".utf8)),
    ]
    .joined()
    for cut in 0..<requests.count {
      let fixture = try Fixture()
      try fixture.start()
      let bytes = Array(requests)
      var (consumed, answer) = try fixture.send(Array(bytes[..<cut]))
      let rest = try fixture.send(Array(bytes[consumed...]))
      consumed += rest.consumed
      answer += rest.answer
      #expect(consumed == bytes.count)
      #expect(answer.count > 60)
    }
  }

  @Test(arguments: ["../x", "/../../etc/passwd", "a/../../../etc/passwd"]) func pathsStayInside(_ path: String) throws {
    let fixture = try Fixture()
    try fixture.start()
    #expect(Self.status(try fixture.send(Self.open(path, 1)).answer) == SFTPStatus.noSuchFile.rawValue)
  }

  @Test func foreignHandlesAreRefused() throws {
    let fixture = try Fixture()
    try fixture.start()
    for handle in [[], [0], [0, 0, 0, 9], [UInt8](repeating: 0, count: 256)] as [[UInt8]] {
      for type in [4, 8, 12] as [UInt8] {
        #expect(Self.status(try fixture.send(Self.packet(type, Self.string(handle))).answer) == 4)
      }
    }
  }

  @Test func handlesAreLimited() throws {
    let fixture = try Fixture()
    try fixture.start()
    _ = try fixture.send(Self.open("f", 0x1B))
    for _ in 0..<1_023 { _ = try fixture.send(Self.open("f", 1)) }
    #expect(Self.status(try fixture.send(Self.open("f", 1)).answer) == 4)
    #expect(fixture.service.handles.count == 1_024)
  }

  @Test(arguments: [0, 262_145, 0xFFFF_FFFF] as [UInt32]) func lengthsAreBounded(_ length: UInt32) throws {
    let fixture = try Fixture()
    try fixture.start()
    var bytes: [UInt8] = []
    bytes.appendInteger(length)
    #expect(throws: WireError.self) { try fixture.send(bytes + [1, 2, 3, 4, 5]) }
  }

  @Test(arguments: 1...300 as ClosedRange<UInt64>) func randomRequestsNeverTrap(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let fixture = try Fixture()
    try fixture.start()
    _ = try fixture.send(Self.open("f", 0x1B))
    let extensions = SFTPResponse.extensions.map(\.name) + ["other"]
    for _ in 0..<20 {
      var content = (0..<Int.random(in: 0...50, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      if Bool.random(using: &generator) { for index in 0..<min(8, content.count) { content[index] = 0 } }
      var type = UInt8.random(in: 0...22, using: &generator)
      if let name = extensions.randomElement(using: &generator), Bool.random(using: &generator) {
        type = 200
        content = Self.string(name.utf8) + content
      }
      _ = try? fixture.send(Self.packet(type, content))
    }
  }
}
