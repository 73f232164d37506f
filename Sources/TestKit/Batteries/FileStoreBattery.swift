import Services

/// What every store of files must do, in an empty folder of it that somebody with all rights may use.
public enum FileStoreBattery {
  /// A store, and the folder in it where the check works.
  public struct Subject: Sendable {
    public var store: any FileStore
    public var folder: FilePath
    public init(store: any FileStore, folder: FilePath) {
      self.store = store
      self.folder = folder
    }

    func path(_ text: String) throws -> FilePath {
      guard let path = FilePath(Array(text.utf8), from: folder) else { throw FileError.invalidName }
      return path
    }

    func write(_ text: String, _ name: String, _ options: FileOpenOptions = [.write, .create, .truncate]) throws {
      let file = try store.open(try path(name), options, permissions: 0o644)
      try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
    }

    func read(_ name: String) throws -> String {
      let file = try store.open(try path(name), .read, permissions: 0)
      var buffer = [UInt8](repeating: 0, count: 4_096)
      let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
      return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    func names(_ path: String = "") throws -> [String] {
      let directory = try store.openDirectory(try self.path(path))
      var names: [String] = []
      while case let entries = try directory.next(2), !entries.isEmpty {
        names += entries.map { String(decoding: $0.name, as: UTF8.self) }
      }
      return names.filter { $0 != "." && $0 != ".." }.sorted()
    }
  }

  public static let checks: [StoreCheck<Subject>] = files + names + links

  private static func fails(_ error: FileError, line: Int = #line, _ body: () throws -> Void) throws {
    do { try body() } catch let thrown as FileError {
      if thrown != error { throw BatteryFailure(description: "line \(line): threw \(thrown), wanted \(error)") }
      return
    }
    throw BatteryFailure(description: "line \(line): threw nothing, wanted \(error)")
  }

  private static let files: [StoreCheck<Subject>] = [
    StoreCheck("what is written is read again, from any place") { subject in
      try subject.write("hello", "a")
      try expectEqual(try subject.read("a"), "hello")
      try subject.write("J", "a", [.write])
      try expectEqual(try subject.read("a"), "Jello")
      try subject.write("!", "a", [.write, .append])
      try expectEqual(try subject.read("a"), "Jello!")
      try subject.write("new", "a")
      try expectEqual(try subject.read("a"), "new")
      try expectEqual(try subject.store.attributes(of: try subject.path("a"), followingLinks: true).size, 3)
    },
    StoreCheck("files that are not there, or are there already") { subject in
      try fails(.notFound) { _ = try subject.read("a") }
      try fails(.notFound) { try subject.write("x", "a", [.write]) }
      try subject.write("x", "a", [.write, .create, .exclusive])
      try fails(.exists) { try subject.write("x", "a", [.write, .create, .exclusive]) }
      try fails(.isDirectory) { _ = try subject.read("") }
    },
    StoreCheck("attributes change by path and by handle") { subject in
      try subject.write("hello", "a")
      let path = try subject.path("a")
      let times = FileAttributeChanges.Times(accessed: WallTime(seconds: 1), modified: WallTime(seconds: 2_000))
      try subject.store.setAttributes(
        FileAttributeChanges(size: 2, permissions: 0o600), of: path, followingLinks: true)
      try subject.store.setAttributes(FileAttributeChanges(times: times), of: path, followingLinks: true)
      let file = try subject.store.open(path, [.read, .write], permissions: 0)
      try file.setAttributes(FileAttributeChanges(permissions: 0o640))
      let found = try file.attributes()
      try expectEqual([found.size, UInt64(found.permissions), UInt64(found.modified.seconds)], [2, 0o640, 2_000])
    },
    StoreCheck("a file is copied into another") { subject in
      try subject.write("hello", "a")
      try subject.write("", "b")
      let (from, to) = (
        try subject.store.open(try subject.path("a"), .read, permissions: 0),
        try subject.store.open(try subject.path("b"), .write, permissions: 0)
      )
      try expectEqual(try to.copy(from: from, at: 1, count: nil, to: 0), 4)
      try expectEqual(try subject.read("b"), "ello")
    },
  ]

  private static let names: [StoreCheck<Subject>] = [
    StoreCheck("folders are made, listed in pieces, and removed when they are empty") { subject in
      try subject.store.makeDirectory(try subject.path("d"), permissions: 0o755)
      try fails(.exists) { try subject.store.makeDirectory(try subject.path("d"), permissions: 0o755) }
      for name in ["d/1", "d/2", "d/3", "d/4", "d/5"] { try subject.write(name, name) }
      try expectEqual(try subject.names("d"), ["1", "2", "3", "4", "5"])
      try fails(.notEmpty) { try subject.store.removeDirectory(try subject.path("d")) }
      for name in try subject.names("d") { try subject.store.removeFile(try subject.path("d/" + name)) }
      try subject.store.removeDirectory(try subject.path("d"))
      try fails(.notFound) { _ = try subject.names("d") }
    },
    StoreCheck("names change, and give way only where asked") { subject in
      try subject.write("a", "a")
      try subject.write("b", "b")
      try fails(.exists) {
        try subject.store.rename(try subject.path("a"), to: try subject.path("b"), replacing: false)
      }
      try subject.store.rename(try subject.path("a"), to: try subject.path("b"), replacing: true)
      try expectEqual(try subject.read("b"), "a")
      try expectEqual(try subject.names(), ["b"])
    },
    StoreCheck("paths have one real form") { subject in
      try subject.store.makeDirectory(try subject.path("d"), permissions: 0o755)
      try expectEqual(try subject.store.realPath(of: try subject.path("d/../d/./x")), try subject.path("d/x"))
      try expectEqual(try subject.store.realPath(of: subject.folder), subject.folder)
    },
  ]

  private static let links: [StoreCheck<Subject>] = [
    StoreCheck("links within lead to what they name, and out of the store nowhere") { subject in
      try subject.write("inside", "f")
      try subject.store.makeSymbolicLink(try subject.path("l"), target: Array("f".utf8))
      try expectEqual(try subject.read("l"), "inside")
      try expectEqual(try subject.store.readSymbolicLink(try subject.path("l")), Array("f".utf8))
      try expectEqual(try subject.store.realPath(of: try subject.path("l")), try subject.path("f"))
      try subject.store.makeHardLink(try subject.path("h"), to: try subject.path("f"))
      try expectEqual(try subject.read("h"), "inside")
      for target in ["/etc/passwd", "../../../../../../../../../../etc/passwd", "/proc/self/root/etc/passwd"] {
        try subject.store.makeSymbolicLink(try subject.path("out"), target: Array(target.utf8))
        let result = Result { try subject.read("out") }
        if case .success = result { throw BatteryFailure(description: "a link to \(target) was followed") }
        try subject.store.removeFile(try subject.path("out"))
      }
    }
  ]
}
