import Foundation
import MailEngine
import PowerCutKit
import Services
import TestKit
import Testing

@testable import MailStores

/// What is acknowledged survives a loss of power at any point.
///
/// The real program's system calls are recorded by strace: writes, truncations, synchronisations, renames. For each point between two
/// calls two disks are made: one that has everything written up to there, and one that has only what was synchronised. Both must
/// open, pass every check, and hold all that had been acknowledged by then.
struct CrashTests {
  @Test func everyCutKeepsWhatWasAcknowledged() async throws {
    let folder = try MailFolder()
    let calls = try Self.record(in: folder)
    #expect(calls.count > 60)
    var tested = 0
    var acknowledged: [String] = []
    var disk = Disk { $0.contains("search.sqlite") }
    for (number, call) in calls.enumerated() {
      if case .acknowledge(let text) = call { acknowledged.append(text) }
      // What changes neither the rows nor the bytes needs no test of its own.
      let matters = disk.matters(call)
      disk.apply(call)
      guard matters else { continue }
      tested += 1
      try await Self.verify(disk, onlySynchronised: false, acknowledged, "cut after call \(number)")
      // A write alone does not change what is synchronised.
      if case .write = call { continue }
      try await Self.verify(disk, onlySynchronised: true, acknowledged, "cut after call \(number), synchronised only")
    }
    #expect(tested > 50 && acknowledged.count == 9)
  }

  private static func verify(
    _ disk: Disk, onlySynchronised: Bool, _ acknowledged: [String], _ place: String
  ) async throws {
    let folder = try MailFolder(inMemory: true)
    try disk.write(to: folder.path, onlySynchronised: onlySynchronised)
    guard FileManager.default.fileExists(atPath: "\(folder.path)/mail/mail.sqlite") else {
      return #expect(acknowledged.isEmpty, "\(place): nothing is there")
    }
    let engine = try DiskBatteryTests.open(folder).0
    let inbox = try await engine.inbox(of: "ann@lab.test")
    let archive = try await engine.mailboxes(of: "ann@lab.test").mailbox(for: .archive)
    let messages = try await engine.snapshot(of: inbox.id).messages
    let archived = try await engine.snapshot(of: try #require(archive).id).messages
    let moved = Set(acknowledged.filter { $0.hasPrefix("move") }.map { UInt32($0.split(separator: " ")[1]) ?? 0 })
    for line in acknowledged {
      let words = line.split(separator: " ")
      let uid = UInt32(words[1]) ?? 0
      switch words[0] {
      case "append":
        // One that is being moved may be in either place.
        let message = messages.message(uid)
        if moved.contains(uid) || message == nil {
          #expect(archived.count > 0, "\(place): message \(uid) is nowhere")
          continue
        }
        let body = try engine.body(of: try #require(message))
        #expect(body.size == Int64(words[2]), "\(place)")
        #expect(try body.bytes(0..<9) == Array("Subject: ".utf8), "\(place)")
      case "move":
        #expect(messages.message(uid) == nil && archived.message(UInt32(words[2]) ?? 0) != nil, "\(place): \(line)")
      default:
        #expect(messages.message(1)?.flags.contains(.seen) == true, "\(place): \(line)")
      }
    }
    engine.close()
    #expect(try folder.findings() == [], "\(place)")
  }

  // MARK: Recording

  private static func record(in folder: MailFolder) throws -> [RecordedCall] {
    let fixture = Bundle.main.bundleURL.deletingLastPathComponent().appendingPathComponent("MailFixture").path
    let found = [fixture, ".build/debug/MailFixture"].first { FileManager.default.isExecutableFile(atPath: $0) }
    return try PowerCut.record([try #require(found), "\(folder.path)/mail"], in: folder.path)
  }
}
