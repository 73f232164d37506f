import Foundation
import Services
import TestKit
import Testing

@testable import Files

@Suite struct VersioningTests {
  private static func path(_ text: String) throws -> FilePath { try #require(FilePath(text.utf8)) }

  private static func write(_ store: any FileStore, _ name: String, _ text: String) throws {
    let file = try store.open(try path(name), [.write, .create, .truncate], permissions: 0o644)
    try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
  }

  private static func kept(_ scratch: Scratch, _ name: String) throws -> [String] {
    let folder = scratch.root + "/versions/" + name
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map {
      try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8)
    }
  }

  @Test(arguments: FileStoreBattery.checks) func battery(_ check: StoreCheck<FileStoreBattery.Subject>) async throws {
    let scratch = try Scratch()
    let store = VersioningFileStore(try scratch.store())
    // Its own folder stands in the root.
    try store.makeDirectory(try Self.path("work"), permissions: 0o755)
    try await check.run(.init(store: store, folder: try Self.path("work"))) { _ in }
  }

  @Test func whatIsReplacedStays() throws {
    let scratch = try Scratch()
    let store = VersioningFileStore(try scratch.store()) { WallTime(seconds: 1_800_000_000) }
    // All within one millisecond.
    for text in ["1", "2", "3"] { try Self.write(store, "cfg", text) }
    #expect(try Self.kept(scratch, "cfg") == ["1", "2"])
    try Self.write(store, ".cfg.portside-part", "4")
    try store.rename(try Self.path(".cfg.portside-part"), to: try Self.path("cfg"), replacing: true)
    #expect(try Self.kept(scratch, "cfg") == ["1", "2", "3"])
    // The rests of uploads have none, and neither have versions.
    try Self.write(store, ".x.portside-part", "a")
    try Self.write(store, ".x.portside-part", "b")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.root + "/versions") == ["cfg"])
  }

  @Test func theOldestGo() throws {
    let scratch = try Scratch()
    let store = VersioningFileStore(try scratch.store())
    for number in 0..<(VersioningFileStore.maximumVersions + 5) { try Self.write(store, "cfg", "\(number)") }
    let kept = try Self.kept(scratch, "cfg")
    #expect(kept.count == VersioningFileStore.maximumVersions)
  }
}
