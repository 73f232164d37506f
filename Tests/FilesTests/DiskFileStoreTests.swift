import Foundation
import Services
import Synchronization
import Testing

@testable import Files

/// A directory that is gone when the test is.
final class Scratch {
  let path: String
  init() throws {
    path = NSTemporaryDirectory() + "portside-files-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path + "/root", withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  var root: String { path + "/root" }
  func store(isReadOnly: Bool = false) throws -> DiskFileStore { try DiskFileStore(root: root, isReadOnly: isReadOnly) }
  func write(_ text: String, _ name: String) throws {
    try text.write(toFile: path + "/" + name, atomically: false, encoding: .utf8)
  }
}

/// A flag that tasks share.
private final class Flag: Sendable {
  private let state = Mutex(false)
  func raise() { state.withLock { $0 = true } }
  var isRaised: Bool { state.withLock { $0 } }
}

@Suite struct DiskFileStoreTests {
  private static func path(_ text: String) throws -> FilePath { try #require(FilePath(text.utf8)) }

  private static func read(_ store: DiskFileStore, _ text: String) throws -> String {
    let file = try store.open(try path(text), .read, permissions: 0)
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }

  private static func write(_ store: DiskFileStore, _ text: String, _ name: String) throws {
    let file = try store.open(try path(name), [.write, .create, .truncate], permissions: 0o644)
    try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
  }

  @Test(arguments: [
    ("/", "/"), ("", "/"), ("a/b", "/a/b"), ("/a//b/", "/a/b"), ("/../../etc", "/etc"), ("a/../../b", "/b"),
    ("./a/.", "/a"), ("...", "/..."),
  ])
  func pathsStayBelowTheirRoot(_ text: String, _ meaning: String) throws {
    #expect(try Self.path(text).description == meaning)
  }

  @Test func pathsThatAreNone() {
    #expect(FilePath(Array("a\0b".utf8)) == nil)
    #expect(FilePath([UInt8](repeating: 0x61, count: 256)) == nil)
    #expect(FilePath([UInt8](repeating: 0x61, count: 255)) != nil)
    #expect(FilePath(Array(String(repeating: "a/", count: 3_000).utf8)) == nil)
  }

  @Test func writesReadsRenamesRemoves() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    try Self.write(store, "hello", "/a")
    #expect(try Self.read(store, "a") == "hello")
    try store.makeDirectory(try Self.path("d"), permissions: 0o755)
    try store.rename(try Self.path("a"), to: try Self.path("d/b"), replacing: false)
    #expect(try Self.read(store, "d/b") == "hello")
    try Self.write(store, "other", "a")
    #expect(throws: FileError.exists) {
      try store.rename(try Self.path("a"), to: try Self.path("d/b"), replacing: false)
    }
    try store.rename(try Self.path("a"), to: try Self.path("d/b"), replacing: true)
    #expect(try Self.read(store, "d/b") == "other")
    #expect(throws: FileError.notEmpty) { try store.removeDirectory(try Self.path("d")) }
    try store.removeFile(try Self.path("d/b"))
    try store.removeDirectory(try Self.path("d"))
    #expect(throws: FileError.notFound) { try store.attributes(of: try Self.path("d"), followingLinks: true) }
    #expect(throws: FileError.isDirectory) { try store.open(try Self.path("/"), .read, permissions: 0) }
  }

  /// Links that lead out, in every way that they are used, as the last name and as one in the middle.
  @Test(arguments: ["..", "../secret", "/etc", "/etc/passwd", "../../../../../../etc/passwd", "/proc/self/root/etc"])
  func linksDoNotLeadOut(_ target: String) throws {
    let scratch = try Scratch()
    try scratch.write("secret", "secret")
    let store = try scratch.store()
    try store.makeSymbolicLink(try Self.path("link"), target: Array(target.utf8))
    #expect(try store.readSymbolicLink(try Self.path("link")) == Array(target.utf8))
    for name in ["link", "link/passwd", "link/secret"] {
      let path = try Self.path(name)
      #expect(throws: FileError.self) { try store.open(path, .read, permissions: 0) }
      #expect(throws: FileError.self) { try store.open(path, [.write, .create], permissions: 0o644) }
      #expect(throws: FileError.self) { try store.openDirectory(path) }
      #expect(throws: FileError.self) { try store.attributes(of: path, followingLinks: true) }
      #expect(throws: FileError.self) {
        try store.setAttributes(.init(permissions: 0o777), of: path, followingLinks: true)
      }
    }
    for name in ["link/new", "link/secret"] {
      let path = try Self.path(name)
      #expect(throws: FileError.self) { try store.makeDirectory(path, permissions: 0o755) }
      #expect(throws: FileError.self) { try store.removeFile(path) }
      #expect(throws: FileError.self) { try store.rename(path, to: try Self.path("here"), replacing: true) }
      #expect(throws: FileError.self) { try store.makeHardLink(try Self.path("here"), to: path) }
      #expect(throws: FileError.self) { try store.makeSymbolicLink(path, target: [0x61]) }
    }
    #expect(try store.attributes(of: try Self.path("link"), followingLinks: false).kind == .symbolicLink)
    #expect(try String(contentsOfFile: scratch.path + "/secret", encoding: .utf8) == "secret")
  }

  @Test func linksWithinWork() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    try store.makeDirectory(try Self.path("d"), permissions: 0o755)
    try Self.write(store, "inside", "d/f")
    try store.makeSymbolicLink(try Self.path("d/up"), target: Array("../d/f".utf8))
    #expect(try Self.read(store, "d/up") == "inside")
    #expect(try store.realPath(of: try Self.path("d/up")).description == "/d/f")
    #expect(try store.realPath(of: try Self.path("d/missing")).description == "/d/missing")
    #expect(try store.realPath(of: try Self.path("/")).description == "/")
  }

  /// A directory is swapped for a link to the outside again and again while files are written through it.
  @Test(.timeLimit(.minutes(1))) func swappedDirectoriesDoNotLeadOut() async throws {
    let scratch = try Scratch()
    try FileManager.default.createDirectory(atPath: scratch.path + "/outside", withIntermediateDirectories: true)
    let store = try scratch.store()
    let root = scratch.root
    let outside = scratch.path + "/outside"
    let isDone = Flag()
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for _ in 0..<2_000 {
          mkdir(root + "/d", 0o755)
          unlink(root + "/d/f")
          rmdir(root + "/d")
          symlink(outside, root + "/d")
          unlink(root + "/d")
        }
        isDone.raise()
      }
      group.addTask {
        guard let path = FilePath("d/f".utf8) else { return }
        while !isDone.isRaised {
          _ = try? store.open(path, [.write, .create], permissions: 0o644)
          _ = try? store.makeDirectory(path, permissions: 0o755)
          _ = try? store.removeDirectory(path)
        }
      }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
  }

  @Test func namesNeedNotBeUTF8() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let name: [UInt8] = [0xFF, 0xFE, 0x0A, 0x1B, 0x80]
    let path = try #require(FilePath(name))
    _ = try store.open(path, [.write, .create], permissions: 0o644)
    let entries = try store.openDirectory(FilePath()).next(100)
    #expect(entries.contains { $0.name == name })
    try store.removeFile(path)
  }

  @Test(.timeLimit(.minutes(2))) func hugeDirectoriesComeInPieces() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    for number in 0..<20_000 { close(open(scratch.root + "/\(number)", O_CREAT | O_WRONLY, 0o644)) }
    let directory = try store.openDirectory(FilePath())
    var names = Set<[UInt8]>()
    while case let entries = try directory.next(256), !entries.isEmpty {
      #expect(entries.count <= 256)
      for entry in entries { names.insert(entry.name) }
    }
    #expect(names.count == 20_002)
  }

  @Test func pipesAndDevicesAreNotOpened() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    mkfifo(scratch.root + "/pipe", 0o644)
    #expect(throws: FileError.permissionDenied) { try store.open(try Self.path("pipe"), .read, permissions: 0) }
  }

  @Test func sparseWritesAppendsAndSizes() throws {
    let scratch = try Scratch()
    let store = try scratch.store()
    let file = try store.open(try Self.path("f"), [.read, .write, .create], permissions: 0o600)
    try [UInt8](repeating: 1, count: 3).withUnsafeBytes { try file.write($0, at: 1 << 32) }
    #expect(try file.attributes().size == 1 << 32 + 3)
    try file.setAttributes(.init(size: 10))
    #expect(try file.attributes().size == 10)
    let appending = try store.open(try Self.path("f"), [.write, .append], permissions: 0)
    try Array("end".utf8).withUnsafeBytes { try appending.write($0, at: 0) }
    #expect(try file.attributes().size == 13)
    #expect(throws: FileError.tooLarge) { try file.setAttributes(.init(size: .max)) }
    #expect(throws: FileError.tooLarge) { try [1 as UInt8].withUnsafeBytes { try file.write($0, at: .max) } }
    let times = FileAttributeChanges.Times(accessed: WallTime(seconds: 1_000), modified: WallTime(seconds: 2_000))
    try store.setAttributes(.init(permissions: 0o640, times: times), of: try Self.path("f"), followingLinks: true)
    let attributes = try store.attributes(of: try Self.path("f"), followingLinks: true)
    #expect(attributes.permissions == 0o640 && attributes.modified.seconds == 2_000)
  }

  @Test func readOnlyStoresRefuseEveryChange() throws {
    let scratch = try Scratch()
    try scratch.write("x", "root/f")
    let store = try scratch.store(isReadOnly: true)
    let path = try Self.path("f")
    #expect(try Self.read(store, "f") == "x")
    #expect(throws: FileError.readOnly) { try store.open(path, [.write], permissions: 0) }
    #expect(throws: FileError.readOnly) { try store.open(path, [.read, .truncate], permissions: 0) }
    #expect(throws: FileError.readOnly) { try store.open(try Self.path("g"), [.read, .create], permissions: 0) }
    #expect(throws: FileError.readOnly) { try store.removeFile(path) }
    #expect(throws: FileError.readOnly) { try store.rename(path, to: try Self.path("g"), replacing: true) }
    #expect(throws: FileError.readOnly) {
      try store.setAttributes(.init(permissions: 0o777), of: path, followingLinks: true)
    }
    #expect(throws: FileError.readOnly) {
      try store.open(path, .read, permissions: 0).setAttributes(.init(permissions: 0o777))
    }
  }
}
