import Foundation
import Services
import TestKit
import Testing

@testable import Files

@Suite struct QuotaTests {
  private static func path(_ text: String) throws -> FilePath { try #require(FilePath(text.utf8)) }

  private static func write(_ store: any FileStore, _ name: String, _ count: Int, at offset: UInt64 = 0) throws {
    let file = try store.open(try path(name), [.write, .create], permissions: 0o644)
    try [UInt8](repeating: 1, count: count).withUnsafeBytes { try file.write($0, at: offset) }
  }

  @Test(arguments: FileStoreBattery.checks) func battery(_ check: StoreCheck<FileStoreBattery.Subject>) async throws {
    let scratch = try Scratch()
    let store = QuotaFileStore(try scratch.store(), limit: 1 << 20, usage: FileUsage())
    try await check.run(.init(store: store, folder: FilePath())) { _ in }
  }

  @Test func nothingGoesBeyond() throws {
    let scratch = try Scratch()
    // What is there counts.
    try Data(count: 300).write(to: URL(fileURLWithPath: scratch.root + "/old"))
    let disk = try scratch.store()
    let store = QuotaFileStore(disk, limit: 1_000, usage: FileUsage())
    try Self.write(store, "a", 600)
    #expect(throws: FileError.quotaExceeded) { try Self.write(store, "b", 101) }
    try Self.write(store, "b", 100)
    // Writing over what is there costs nothing; a gap counts.
    try Self.write(store, "a", 600)
    #expect(throws: FileError.quotaExceeded) { try Self.write(store, "c", 1, at: 1 << 40) }
    #expect(throws: FileError.quotaExceeded) {
      try store.setAttributes(.init(size: 601), of: try Self.path("a"), followingLinks: true)
    }
    #expect(try store.space(at: FilePath()).availableBlocks == 0)
    // What goes gives room: removed, cut, replaced.
    try store.setAttributes(.init(size: 100), of: try Self.path("a"), followingLinks: true)
    try Self.write(store, "d", 500)
    #expect(throws: FileError.quotaExceeded) { try Self.write(store, "e", 1) }
    try store.rename(try Self.path("b"), to: try Self.path("d"), replacing: true)
    try Self.write(store, "e", 500)
    try store.removeFile(try Self.path("e"))
    _ = try store.open(try Self.path("old"), [.write, .truncate], permissions: 0)
    try Self.write(store, "f", 800)
    #expect(throws: FileError.quotaExceeded) { try Self.write(store, "g", 1) }
  }

  /// Paths as the operating system has them lead to the same files, and nowhere else.
  @Test func outsidePathsMeanTheSame() throws {
    let scratch = try Scratch()
    try scratch.write("secret", "secret")
    let store = AliasedFileStore(try scratch.store(), aliases: [(outside: scratch.root, inside: "/")])
    try Self.write(store, scratch.root + "/f", 3)
    #expect(try store.attributes(of: try Self.path("/f"), followingLinks: true).size == 3)
    #expect(try store.realPath(of: try Self.path(scratch.root + "/f")) == (try Self.path("/f")))
    #expect(throws: FileError.notFound) {
      try store.attributes(of: try Self.path(scratch.path + "/secret"), followingLinks: true)
    }
    #expect(throws: FileError.notFound) {
      try store.attributes(of: try Self.path(scratch.root + "/../secret"), followingLinks: true)
    }
    try Self.write(store, "/g", 1)
    try store.rename(try Self.path("/g"), to: try Self.path(scratch.root + "/h"), replacing: false)
    #expect(try store.attributes(of: try Self.path("h"), followingLinks: true).size == 1)
  }

  @Test func copiesCount() throws {
    let scratch = try Scratch()
    let store = QuotaFileStore(try scratch.store(), limit: 1_000, usage: FileUsage())
    try Self.write(store, "a", 600)
    let (from, to) = (
      try store.open(try Self.path("a"), .read, permissions: 0),
      try store.open(try Self.path("b"), [.write, .create], permissions: 0o644)
    )
    #expect(throws: FileError.quotaExceeded) { try to.copy(from: from, at: 0, count: nil, to: 0) }
    #expect(try to.copy(from: from, at: 300, count: nil, to: 0) == 300)
  }

  /// Two sessions of one account share one count.
  @Test func sessionsShareTheirCount() throws {
    let scratch = try Scratch()
    let files = AccountFiles(shared: nil, home: scratch.root + "/{account}")
    let identity = AccountIdentity(name: "ann@lab.test", roles: [], permissions: ["files"], quotaBytes: 1_000)
    let first = try #require(try files.store(for: identity))
    let second = try #require(try files.store(for: identity))
    try Self.write(first, "a", 600)
    #expect(throws: FileError.quotaExceeded) { try Self.write(second, "b", 600) }
  }

  /// So do those of several processes, by the count's file.
  @Test func processesShareTheirCount() throws {
    let scratch = try Scratch()
    try FileManager.default.createDirectory(atPath: scratch.path + "/counts", withIntermediateDirectories: true)
    let identity = AccountIdentity(name: "ann@lab.test", roles: [], permissions: ["files"], quotaBytes: 1_000)
    let stores = try (0..<2).map { _ in
      try #require(
        try AccountFiles(shared: nil, home: scratch.root + "/{account}", counts: scratch.path + "/counts")
          .store(for: identity))
    }
    try Self.write(stores[0], "a", 600)
    #expect(throws: FileError.quotaExceeded) { try Self.write(stores[1], "b", 600) }
    try stores[1].removeFile(try Self.path("a"))
    try Self.write(stores[0], "b", 1_000)
    #expect(throws: FileError.quotaExceeded) { try Self.write(stores[1], "c", 1) }
  }

  @Test func aFileThatSomebodyHasIsNotTakenTwice() throws {
    let scratch = try Scratch()
    let store = QuotaFileStore(try scratch.store(), limit: 1_000, usage: FileUsage())
    let first = try store.open(try Self.path("a"), [.write, .create], permissions: 0o644)
    let second = try store.open(try Self.path("a"), [.write], permissions: 0)
    #expect(first.tryLock())
    #expect(!second.tryLock())
  }
}
