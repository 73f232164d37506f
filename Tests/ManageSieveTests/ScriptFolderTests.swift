import Foundation
import ManageSieveServer
import Testing

struct ScriptFolderTests {
  private func with(_ body: (ScriptFolder, String) async throws -> Void) async throws {
    let path = NSTemporaryDirectory() + "portside-scripts-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try await body(ScriptFolder(path: path), path)
  }

  private func running(_ path: String) -> String? { try? String(contentsOfFile: "\(path)/ann.sieve", encoding: .utf8) }

  @Test func theActiveScriptIsTheOneThatRuns() async throws {
    try await with { folder, path in
      try await folder.put(Array("keep;".utf8), as: "one", "ann")
      try await folder.put(Array("stop;".utf8), as: "zwei/..ü", "ann")
      #expect(running(path) == nil)
      try await folder.activate("one", "ann")
      #expect(running(path) == "keep;")
      try await folder.put(Array("discard;".utf8), as: "one", "ann")
      #expect(running(path) == "discard;")
      try await folder.activate("zwei/..ü", "ann")
      #expect(running(path) == "stop;")
      try await folder.rename("zwei/..ü", to: "two", "ann")
      let scripts = try await folder.scripts(of: "ann")
      #expect(scripts.map(\.name) == ["one", "two"] && scripts.map(\.isActive) == [false, true])
      await #expect(throws: ScriptFolder.Failure.active) { try await folder.delete("two", "ann") }
      await #expect(throws: ScriptFolder.Failure.exists) { try await folder.rename("one", to: "two", "ann") }
      try await folder.activate(nil, "ann")
      #expect(running(path) == nil)
      try await folder.delete("two", "ann")
      await #expect(throws: ScriptFolder.Failure.notFound) { try await folder.content(of: "two", "ann") }
      #expect(try await folder.content(of: "one", "ann") == Array("discard;".utf8))
    }
  }

  @Test func whatIsPutByHandShows() async throws {
    try await with { folder, path in
      try "keep;".write(toFile: "\(path)/ann.sieve", atomically: true, encoding: .utf8)
      #expect(try await folder.scripts(of: "ann").map(\.name) == ["filter"])
      #expect(try await folder.content(of: "filter", "ann") == Array("keep;".utf8))
      try "stop;".write(toFile: "\(path)/ann.sieve", atomically: true, encoding: .utf8)
      #expect(try await folder.content(of: "filter", "ann") == Array("stop;".utf8))
      try FileManager.default.removeItem(atPath: "\(path)/ann.sieve")
      #expect(try await folder.scripts(of: "ann").map(\.isActive) == [false])
    }
  }

  /// Cut off between the index and the script that runs: nothing is lost, and what was meant happens.
  @Test func aChangeThatWasCutOffIsFinished() async throws {
    try await with { folder, path in
      try await folder.put(Array("keep;".utf8), as: "one", "ann")
      try await folder.put(Array("stop;".utf8), as: "two", "ann")
      try await folder.activate("one", "ann")
      let file = "\(path)/ann.scripts/index.json"
      let index = try String(contentsOfFile: file, encoding: .utf8)
        .replacingOccurrences(of: "\"active\" : \"one\"", with: "\"active\" : \"two\"")
        .replacingOccurrences(of: "\"isChanging\" : false", with: "\"isChanging\" : true")
      try index.write(toFile: file, atomically: true, encoding: .utf8)
      #expect(try await folder.content(of: "one", "ann") == Array("keep;".utf8))
      #expect(running(path) == "stop;")
    }
  }

  @Test func limitsHold() async throws {
    try await with { folder, _ in
      for number in 0..<64 { try await folder.put(Array("keep;".utf8), as: "\(number)", "ann") }
      await #expect(throws: ScriptFolder.Failure.tooMany) { try await folder.put([], as: "more", "ann") }
      await #expect(throws: ScriptFolder.Failure.tooLarge) { try await folder.checkSpace(for: 1 << 20, as: "0", "ann") }
      try await folder.put(Array("stop;".utf8), as: "5", "ann")
      await #expect(throws: ScriptFolder.Failure.self) { try await folder.scripts(of: "../ann") }
    }
  }
}
