import Foundation
import MailEngine
import Services
import TestKit
import Testing

@testable import MailStores

struct TransferTests {
  private static let mbox = """
    junk before
    From ann@lab.test Wed Nov 25 13:05:05 2026
    Subject: one
    Status: RO
    X-Status: AF

    first
    >From here on
    >>From there
    From no separator, as no empty line is before it

    From bob@lab.test Thu Nov 26 00:00:00 2026
    Subject: two

    second

    From bob@lab.test Thu Nov 26 00:00:00 2026
    Subject: three

    third
    """

  private func engine(_ folder: MailFolder) async throws -> (MailEngine, Mailbox) {
    let engine = try DiskBatteryTests.open(folder).0
    return (engine, try await engine.inbox(of: "ann@lab.test"))
  }

  private func texts(_ engine: MailEngine, _ mailbox: Mailbox) async throws -> [String] {
    let messages = try await engine.snapshot(of: mailbox.id).messages
    return try (0..<messages.count).map { index in
      let body = try engine.body(of: messages[index])
      return String(decoding: try body.bytes(0..<body.size), as: UTF8.self)
    }
  }

  @Test func mboxComesInAndGoesOut() async throws {
    let folder = try MailFolder()
    let (engine, inbox) = try await engine(folder)
    let path = "\(folder.path)/in.mbox"
    try Self.mbox.write(toFile: path, atomically: true, encoding: .utf8)
    var source = try MboxSource(path: path)
    #expect(try await MailImport(into: inbox, of: "ann@lab.test", store: engine).run(&source, name: path) == 3)
    let wanted = [
      "Subject: one\r\n\r\nfirst\r\nFrom here on\r\n>From there\r\nFrom no separator, as no empty line is before it\r\n",
      "Subject: two\r\n\r\nsecond\r\n", "Subject: three\r\n\r\nthird\r\n",
    ]
    #expect(try await texts(engine, inbox) == wanted)
    let first = try await engine.snapshot(of: inbox.id).messages[0]
    #expect(first.flags == [.seen, .answered, .flagged])
    #expect(first.internalSeconds == 1_795_611_905)
    // Out, while it is open, and in again.
    let archive = try MailArchive(folder: "\(folder.path)/mail")
    let current = try #require(try archive.mailboxes(of: "ann@lab.test").first { $0.isInbox })
    #expect(try archive.exportMbox(current, to: "\(folder.path)/out.mbox") == 3)
    #expect(throws: StoreError.self) { _ = try archive.exportMbox(current, to: "\(folder.path)/out.mbox") }
    let second = try await engine.createMailbox("again", of: "ann@lab.test")
    var again = try MboxSource(path: "\(folder.path)/out.mbox")
    #expect(try await MailImport(into: second, of: "ann@lab.test", store: engine).run(&again, name: "out") == 3)
    #expect(try await texts(engine, second) == wanted)
    #expect(try await engine.snapshot(of: second.id).messages[0].flags == first.flags)
    #expect(try await engine.metadata(of: second.id, account: "ann@lab.test", user: "ann@lab.test").isEmpty)
    engine.close()
    #expect(try folder.findings() == [])
  }

  @Test func maildirComesInAndGoesOut() async throws {
    let folder = try MailFolder()
    let (engine, inbox) = try await engine(folder)
    let root = "\(folder.path)/Maildir"
    for part in ["cur", "new", "tmp", ".Sent.2026/cur"] {
      try FileManager.default.createDirectory(atPath: "\(root)/\(part)", withIntermediateDirectories: true)
    }
    try "Subject: a\n\nx\n".write(toFile: "\(root)/cur/1.a.host:2,FS", atomically: true, encoding: .utf8)
    try "Subject: b\r\n\r\ny\r\n".write(toFile: "\(root)/new/2.b.host", atomically: true, encoding: .utf8)
    #expect(MaildirSource.folders(in: root).map(\.name) == ["", "Sent/2026"])
    var source = try MaildirSource(path: root)
    #expect(try await MailImport(into: inbox, of: "ann@lab.test", store: engine).run(&source, name: root) == 2)
    #expect(try await texts(engine, inbox) == ["Subject: a\r\n\r\nx\r\n", "Subject: b\r\n\r\ny\r\n"])
    #expect(try await engine.snapshot(of: inbox.id).messages[0].flags == [.seen, .flagged])
    let archive = try MailArchive(folder: "\(folder.path)/mail")
    let current = try #require(try archive.mailboxes(of: "ann@lab.test").first { $0.isInbox })
    #expect(try archive.exportMaildir(current, to: "\(folder.path)/out") == 2)
    #expect(try archive.exportMaildir(current, to: "\(folder.path)/out") == 0)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out/cur").contains { $0.hasSuffix(":2,FS") })
    engine.close()
  }

  @Test func anImportGoesOnWhereItWas() async throws {
    let folder = try MailFolder()
    let (engine, inbox) = try await engine(folder)
    let path = "\(folder.path)/in.mbox"
    let text = (0..<1_200).map { "From a@b Thu Nov 26 00:00:00 2026\nSubject: \($0)\n\nbody \($0)\n\n" }.joined()
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let importer = MailImport(into: inbox, of: "ann@lab.test", store: engine)
    var broken = Interrupted(source: try MboxSource(path: path), left: 700)
    await #expect(throws: StoreError.self) { _ = try await importer.run(&broken, name: path) }
    #expect(try await engine.snapshot(of: inbox.id).messages.count == 500)
    var source = try MboxSource(path: path)
    #expect(try await importer.run(&source, name: path) == 700)
    let all = try await texts(engine, inbox)
    #expect(all.count == 1_200 && Set(all).count == 1_200)
    engine.close()
    #expect(try folder.findings() == [])
  }

  /// A source that fails after so many messages.
  private struct Interrupted: MessageSource {
    var source: MboxSource
    var left: Int
    var mark: String { source.mark }
    mutating func resume(after mark: String) throws(StoreError) { try source.resume(after: mark) }
    mutating func next(
      _ write: (UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) -> SourceMessage? {
      left -= 1
      if left < 0 { throw StoreError(.unavailable, "interrupted") }
      return try source.next(write)
    }
  }
}
