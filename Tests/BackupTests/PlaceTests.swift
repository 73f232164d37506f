import Backup
import Foundation
import Testing

/// The battery that every place for a repository passes.
@Suite struct PlaceTests {
  enum Kind: CaseIterable { case folder, sftp }

  /// By SFTP: OpenSSH's server, over pipes as `ssh` would have them.
  private static func with(_ kind: Kind, _ body: (any BackupPlace, String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "place-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    switch kind {
    case .folder: try body(FolderPlace(folder), folder)
    case .sftp: try body(try SFTPPlace(["/usr/lib/openssh/sftp-server"], root: folder, shown: "sftp"), folder)
    }
  }

  @Test(arguments: Kind.allCases) func filesComeBack(_ kind: Kind) throws {
    try Self.with(kind) { place, folder in
      let lock = try place.lock()
      #expect(try place.names(in: "packs") == [])
      #expect(try place.read("packs/none") == nil)
      let contents: [[UInt8]] = [0, 1, 32 * 1024, 32 * 1024 + 1, 5_000_000].map { count in
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
      }
      for (index, content) in contents.enumerated() { try place.write("packs/\(index)", content) }
      #expect(Set(try place.names(in: "packs")) == ["0", "1", "2", "3", "4"])
      for (index, content) in contents.enumerated() { #expect(try place.read("packs/\(index)") == content) }
      #expect(try place.read("packs/4", at: 70_001, count: 3_000_000) == Array(contents[4][70_001..<3_070_001]))
      #expect(throws: BackupError.self) { try place.read("packs/2", at: 32_000, count: 1_000) }
      #expect(throws: BackupError.self) { try place.read("packs/none", at: 0, count: 1) }
      // An existing one is replaced, whole, for its owner alone.
      try place.write("packs/0", [7])
      #expect(try place.read("packs/0") == [7])
      let mode = try FileManager.default.attributesOfItem(atPath: "\(folder)/packs/0")[.posixPermissions] as? Int
      #expect(mode == 0o600)
      try place.remove("packs/0")
      try place.remove("packs/0")
      #expect(Set(try place.names(in: "packs")) == ["1", "2", "3", "4"])
      withExtendedLifetime(lock) {}
    }
  }

  @Test(arguments: Kind.allCases) func oneAtATime(_ kind: Kind) throws {
    try Self.with(kind) { place, _ in
      var lock: (any Sendable)? = try place.lock()
      let refusal = #expect(throws: BackupError.self) { _ = try place.lock() }
      #expect("\(try #require(refusal))".contains("another command works on"))
      #expect(lock != nil)
      lock = nil
      _ = try place.lock()
    }
  }

  @Test(arguments: Kind.allCases) func whereNothingCanBeWritten(_ kind: Kind) throws {
    try Self.with(kind) { place, folder in
      // A file is in the way of the folder.
      try Data("x".utf8).write(to: URL(fileURLWithPath: folder))
      #expect(throws: BackupError.self) { try place.write("packs/a", [1]) }
      #expect(throws: BackupError.self) { _ = try place.lock() }
    }
  }

  @Test func addresses() {
    func words(_ text: String) -> [String]? { SFTPPlace.parse(text)?.command }
    let fixed = ["ssh", "-oBatchMode=yes", "-oServerAliveInterval=30"]
    #expect(words("sftp://nas/backup") == fixed + ["-s", "--", "nas", "sftp"])
    #expect(
      words("sftp://bob@nas.lan:2222/backup") == fixed + ["-p", "2222", "-l", "bob", "-s", "--", "nas.lan", "sftp"])
    #expect(SFTPPlace.parse("sftp://nas/srv/backup/")?.root == "/srv/backup")
    #expect(SFTPPlace.parse("sftp://nas/~/backup")?.root == "backup")
    // A password on the command line would be everybody's; a name that is an option would be ssh's.
    for bad in [
      "/srv/backup", "sftp://nas", "sftp://nas/", "sftp://bob:secret@nas/x", "sftp://-oProxyCommand=x/y", "sftp:x",
    ] {
      #expect(SFTPPlace.parse(bad) == nil, "\(bad)")
    }
  }

  @Test func aServerThatIsNone() {
    #expect(throws: BackupError.self) {
      _ = try SFTPPlace(["/bin/echo", "hello, this is no SFTP"], root: "/x", shown: "x")
    }
    #expect(throws: BackupError.self) { _ = try SFTPPlace(["/bin/true"], root: "/x", shown: "x") }
    #expect(throws: BackupError.self) { _ = try SFTPPlace(["/nonexistent"], root: "/x", shown: "x") }
  }
}
