import Foundation
import Services
import TestKit
import Testing

@testable import Files

@Suite struct FileStoreBatteryTests {
  private static func subjects(_ scratch: Scratch) throws -> [FileStoreBattery.Subject] {
    let manager = FileManager.default
    for name in ["plain", "home", "shared"] {
      try manager.createDirectory(atPath: scratch.path + "/" + name, withIntermediateDirectories: true)
    }
    let joined = JoinedFileStore(
      root: try DiskFileStore(root: scratch.path + "/home"),
      mounts: ["shared": try DiskFileStore(root: scratch.path + "/shared")])
    // The mount's own name must not matter inside it.
    try joined.makeDirectory(#require(FilePath("/own".utf8)), permissions: 0o755)
    try joined.makeDirectory(#require(FilePath("/shared/shared".utf8)), permissions: 0o755)
    return [
      .init(store: try DiskFileStore(root: scratch.path + "/plain"), folder: FilePath()),
      .init(
        store: RestrictedFileStore(try DiskFileStore(root: scratch.root), .all), folder: FilePath()),
      .init(store: joined, folder: try #require(FilePath("/own".utf8))),
      .init(store: joined, folder: try #require(FilePath("/shared/shared".utf8))),
    ]
  }

  @Test(arguments: FileStoreBattery.checks) func battery(_ check: StoreCheck<FileStoreBattery.Subject>) async throws {
    let scratch = try Scratch()
    for subject in try Self.subjects(scratch) { try await check.run(subject) { _ in } }
  }
}

@Suite struct AccountFilesTests {
  private static func path(_ text: String) throws -> FilePath { try #require(FilePath(text.utf8)) }

  private static func identity(_ permissions: String..., name: String = "ann@lab.test") -> AccountIdentity {
    AccountIdentity(name: name, roles: [], permissions: Set(permissions))
  }

  private static func files(_ scratch: Scratch, home: String = "homes/{account}") throws -> AccountFiles {
    for name in ["shared", "homes"] {
      try FileManager.default.createDirectory(atPath: scratch.path + "/" + name, withIntermediateDirectories: true)
    }
    return AccountFiles(shared: scratch.path + "/shared", home: scratch.path + "/" + home)
  }

  private static func names(_ store: any FileStore, _ text: String) throws -> [String] {
    let directory = try store.openDirectory(try path(text))
    var names: [String] = []
    while case let entries = try directory.next(100), !entries.isEmpty {
      names += entries.map { String(decoding: $0.name, as: UTF8.self) }
    }
    return names.filter { !$0.hasPrefix(".") }.sorted()
  }

  private static func write(_ store: any FileStore, _ name: String) throws {
    let file = try store.open(try path(name), [.write, .create], permissions: 0o644)
    try Array(name.utf8).withUnsafeBytes { try file.write($0, at: 0) }
  }

  @Test func withoutPermissionThereIsNothing() throws {
    let files = try Self.files(try Scratch())
    #expect(try files.store(for: Self.identity("mail", "console:show")) == nil)
    #expect(try AccountFiles(shared: nil, home: nil).store(for: Self.identity("all")) == nil)
  }

  @Test func theHomeIsMadeAtItsFirstUse() throws {
    let scratch = try Scratch()
    let store = try #require(try Self.files(scratch).store(for: Self.identity("files:home")))
    #expect(try Self.names(store, "/") == [])
    try Self.write(store, "/f")
    let home = scratch.path + "/homes/ann@lab.test"
    let attributes = try FileManager.default.attributesOfItem(atPath: home)
    #expect(attributes[.posixPermissions] as? Int == 0o700)
    #expect(try String(contentsOfFile: home + "/f", encoding: .utf8) == "/f")
    let again = try #require(try Self.files(scratch).store(for: Self.identity("files:home")))
    #expect(try Self.names(again, "/") == ["f"])
  }

  @Test func theSharedFolderLiesBesideTheHome() throws {
    let scratch = try Scratch()
    let files = try Self.files(scratch)
    let ann = try #require(try files.store(for: Self.identity("files")))
    try Self.write(ann, "/mine")
    try Self.write(ann, "/shared/ours")
    #expect(try Self.names(ann, "/") == ["mine", "shared"])
    let bob = try #require(try files.store(for: Self.identity("all", name: "bob@lab.test")))
    #expect(try Self.names(bob, "/") == ["shared"])
    #expect(try Self.names(bob, "/shared") == ["ours"])
    #expect(throws: FileError.crossesDevices) {
      try ann.rename(try Self.path("/mine"), to: try Self.path("/shared/mine"), replacing: true)
    }
    for change in [
      { try ann.removeDirectory(try Self.path("/shared")) },
      { try ann.rename(try Self.path("/shared"), to: try Self.path("/x"), replacing: false) },
      { try ann.makeSymbolicLink(try Self.path("/shared"), target: [0x61]) },
    ] as [() throws -> Void] { #expect(throws: FileError.permissionDenied) { try change() } }
  }

  @Test func onlyTheSharedFolder() throws {
    let scratch = try Scratch()
    let store = try #require(try Self.files(scratch).store(for: Self.identity("files:shared")))
    #expect(try Self.names(store, "/") == ["shared"])
    try Self.write(store, "/shared/f")
    #expect(throws: FileError.permissionDenied) { try Self.write(store, "/f") }
    #expect(throws: FileError.permissionDenied) { try store.makeDirectory(try Self.path("/d"), permissions: 0o755) }
    #expect(try store.attributes(of: FilePath(), followingLinks: true).kind == .directory)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/homes").isEmpty)
  }

  @Test func readersChangeNothing() throws {
    let scratch = try Scratch()
    let files = try Self.files(scratch)
    try scratch.write("text", "shared/f")
    let store = try #require(try files.store(for: Self.identity("files:shared:read")))
    let file = try Self.path("/shared/f")
    let opened = try store.open(file, .read, permissions: 0)
    #expect(try opened.attributes().size == 4)
    let (new, changes) = (try Self.path("/shared/new"), FileAttributeChanges(permissions: 0o777))
    for change in [
      { try opened.setAttributes(changes) },
      { try store.setAttributes(changes, of: file, followingLinks: true) },
      { _ = try store.open(file, [.write], permissions: 0) },
      { _ = try store.open(file, [.read, .truncate], permissions: 0) },
      { _ = try store.open(new, [.write, .create], permissions: 0) },
      { try store.removeFile(file) }, { try store.rename(file, to: new, replacing: false) },
      { try store.makeDirectory(new, permissions: 0o755) }, { try store.makeHardLink(new, to: file) },
      { try store.makeSymbolicLink(new, target: [0x61]) },
    ] as [() throws -> Void] { #expect(throws: FileError.permissionDenied) { try change() } }
    #expect(try Self.names(store, "/shared") == ["f"])
  }

  /// `make` alone: things can be thrown in, and neither seen, read nor replaced.
  @Test func aBoxToThrowThingsInto() throws {
    let scratch = try Scratch()
    let files = try Self.files(scratch)
    try scratch.write("text", "shared/f")
    let store = try #require(try files.store(for: Self.identity("files:shared:make")))
    try Self.write(store, "/shared/new")
    let file = try Self.path("/shared/f")
    #expect(throws: FileError.exists) { try Self.write(store, "/shared/f") }
    #expect(throws: FileError.permissionDenied) { try store.open(file, .read, permissions: 0) }
    #expect(throws: FileError.permissionDenied) { try store.openDirectory(try Self.path("/shared")) }
    #expect(throws: FileError.permissionDenied) { try store.attributes(of: file, followingLinks: true) }
    #expect(try store.attributes(of: try Self.path("/shared"), followingLinks: true).kind == .directory)
    #expect(try String(contentsOfFile: scratch.path + "/shared/f", encoding: .utf8) == "text")
  }

  @Test(arguments: ["..", ".", "a/b", "", "../ann"]) func namesThatAreNoFolders(_ name: String) throws {
    let scratch = try Scratch()
    let files = try Self.files(scratch)
    #expect(throws: FileError.invalidName) { try files.store(for: Self.identity("files:home", name: name)) }
  }

  /// Somebody who can write where homes lie puts a link in the place of one: it is not followed.
  @Test func aLinkInTheHomesPlaceIsRefused() throws {
    let scratch = try Scratch()
    let files = try Self.files(scratch)
    symlink("/etc", scratch.path + "/homes/ann@lab.test")
    #expect(throws: FileError.escapes) { try files.store(for: Self.identity("files:home")) }
  }

  @Test func homesMayHavePartsOfTheirOwn() throws {
    let scratch = try Scratch()
    let files = try Self.files(scratch, home: "homes/of-{account}/files")
    #expect(files.folders == [scratch.path + "/homes", scratch.path + "/shared"])
    try Self.write(try #require(try files.store(for: Self.identity("files:home"))), "/f")
    #expect(FileManager.default.fileExists(atPath: scratch.path + "/homes/of-ann@lab.test/files/f"))
  }
}
