import Files
import Foundation
import SSHCore
import Services
import Testing

@testable import SFTPServer

@Suite struct SCPTests {
  private final class Folder {
    let path = NSTemporaryDirectory() + "portside-scp-\(UUID().uuidString)"
    let files: SCPFiles
    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      files = SCPFiles(store: try DiskFileStore(root: path), home: FilePath(), report: { _ in })
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func read(_ name: String) throws -> String { try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }
    func write(_ text: String, _ name: String) throws {
      try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
    }
  }

  private static func command(_ text: String) throws -> SCPCommand { try #require(SCPCommand(Array(text.utf8))) }

  /// Feeds the input in pieces of this size; what the service said, and how it ended.
  private static func run(
    _ service: any BlockingService, _ input: String, pieces: Int = 1
  ) throws -> (said: [UInt8], exit: SSHCore.ExitStatus) {
    var (service, output) = (service, SFTPOutput())
    var (pending, rest): ([UInt8], ArraySlice<UInt8>) = ([], Array(input.utf8)[...])
    repeat {
      pending += rest.prefix(pieces)
      rest = rest.dropFirst(pieces)
      while service.exit == nil {
        let count = try service.process(pending.span.bytes, into: &output)
        pending.removeFirst(count)
        if count == 0, !service.hasMore { break }
      }
    } while !rest.isEmpty && service.exit == nil
    output.sealTail()
    return (Array(output.chunks.joined()), service.exit ?? service.exitAtEnd)
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test func commandsThatAreSCP() throws {
    let sink = try Self.command("scp -r -p -t -- 'a b'/\"c d\"\\ e")
    #expect(sink.direction == .toServer && sink.isRecursive && sink.keepsAttributes)
    #expect(sink.paths.map(Self.text) == ["a b/c d e"])
    #expect(try Self.command("scp -prf a b").paths.count == 2)
    for text in [
      "scp -t a; id", "scp -t `id`", "scp -t $HOME", "scp -f a | b", "scp -t a b", "scp a b", "scp -t", "scp -x -t a",
      "scp -t -f a", "scp -t 'a", "rsync -t a", "", "scp -t \"$(id)\"", "scp -t a > b", "scp -t a\nid",
    ] { #expect(SCPCommand(Array(text.utf8)) == nil, "\(text)") }
  }

  @Test(arguments: [1, 2, 7, 1_000]) func takesFilesAndFolders(_ pieces: Int) throws {
    let folder = try Folder()
    let input = "T2000 0 1000 0\nD0750 0 d\nC0640 5 f\nhello\0C0600 0 empty\n\0E\nC0644 2 g\nhi\0"
    let (said, exit) = try Self.run(SCPSink(try Self.command("scp -r -p -t ."), folder.files), input, pieces: pieces)
    #expect(said == [UInt8](repeating: 0, count: 10) && exit == .code(0), "\(said)")
    #expect(try folder.read("d/f") == "hello" && folder.read("d/empty") == "" && folder.read("g") == "hi")
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/d")
    #expect(attributes[.modificationDate] as? Date == Date(timeIntervalSince1970: 2_000))
  }

  /// Names that lead elsewhere, sizes that are none, folders that nobody asked for.
  @Test(arguments: [
    "C0644 1 ../x\nx\0", "C0644 1 a/b\nx\0", "C0644 1 ..\nx\0", "C0644 1 \nx\0", "C0644 -1 a\n", "C0644 a a\n",
    "C9999 1 a\n",
    "D0755 0 d\n", "E\n", "X\n", "C0644\n", "C0644 99999999999999999999 a\n", "T1 0 1\n", "C77777 1 a\n",
  ])
  func refuses(_ input: String) throws {
    let folder = try Folder()
    let (said, exit) = try Self.run(SCPSink(try Self.command("scp -t ."), folder.files), input)
    #expect(said.starts(with: [0, 2]) && exit == .code(1), "\(Self.text(said))")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func aFileThatCantBeMadeIsPassedOver() throws {
    let folder = try Folder()
    let (said, exit) = try Self.run(
      SCPSink(try Self.command("scp -t none/x"), folder.files), "C0644 1 a\nC0644 1 b\n")
    #expect(Self.text(said).contains("\u{1}scp: a: No such file or directory\n") && exit == .code(1))
    let cut = try Self.run(SCPSink(try Self.command("scp -t ."), folder.files), "C0644 10 a\nhalf")
    #expect(cut.exit == .code(1))
  }

  @Test(arguments: [1, 3, 1_000]) func givesFilesAndFolders(_ pieces: Int) throws {
    let folder = try Folder()
    try FileManager.default.createDirectory(atPath: folder.path + "/d", withIntermediateDirectories: true)
    try folder.write("hello", "d/f")
    chmod(folder.path + "/d/f", 0o640)
    chmod(folder.path + "/d", 0o755)
    let source = SCPSource(try Self.command("scp -r -f d missing"), folder.files, highWater: 1 << 20)
    let (said, exit) = try Self.run(source, String(repeating: "\0", count: 6), pieces: pieces)
    #expect(
      Self.text(said)
        == "D0755 0 d\nC0640 5 f\nhello\0E\n\u{1}scp: /missing: No such file or directory\n" && exit == .code(1),
      "\(Self.text(said))")
  }

  @Test func aClientMaySkip() throws {
    let folder = try Folder()
    for name in ["a1", "a2", "b"] { try folder.write(name, name) }
    let source = SCPSource(try Self.command("scp -f a*"), folder.files, highWater: 1 << 20)
    let (said, exit) = try Self.run(source, "\0\u{1}no room\n\0\0\0")
    #expect(Self.text(said).hasPrefix("C0644 2 a1\nC0644 2 a2\na2\0") && exit == .code(1), "\(Self.text(said))")
    let ended = try Self.run(
      SCPSource(try Self.command("scp -f a*"), folder.files, highWater: 1 << 20), "\0\u{2}enough\n")
    #expect(ended.exit == .code(1))
  }

  @Test(arguments: [
    ("*", "abc", true), ("a*c", "abc", true), ("a?c", "abc", true), ("a?", "abc", false), ("*b*", "abc", true),
    ("", "", true), ("*", "", true), ("?", "", false), ("**a**", "bab", true), ("a*b*c*d", "abcabcd", true),
  ])
  func patterns(_ pattern: String, _ name: String, _ fits: Bool) {
    #expect(SCPFiles.matches(Array(name.utf8)[...], Array(pattern.utf8)[...]) == fits)
  }
}
