import Foundation
import LaboratoryKit
import Testing

/// `portside backup`: a running server's data, elsewhere and back.
@Suite(.serialized, .timeLimit(.minutes(5))) struct BackupTests {
  private static func deliver(_ count: Int, _ port: Int) async throws {
    for number in 0..<count {
      let sent = try await run(
        "swaks",
        [
          "--server", "127.0.0.1:\(port)", "--to", "ann@lab.test", "--from", "out@else.test",
          "--header", "Subject: number \(number)", "--body", String(repeating: "line \(number)\n", count: 200),
        ])
      guard sent.code == 0 else { throw Failure(sent.all) }
    }
  }

  private static func inbox(_ laboratory: Laboratory, _ configuration: String) async throws -> Int {
    let listed = try await run(
      Laboratory.program, ["mailbox", "list", "ann@lab.test", "--json", "--config", configuration])
    struct Row: Decodable {
      let mailbox: String
      let messages: Int
    }
    return try JSONDecoder().decode([Row].self, from: Data(listed.output.utf8)).filter { $0.mailbox == "INBOX" }
      .reduce(0) { $0 + $1.messages }
  }

  /// To another machine, here another laboratory's SSH server, and back from it.
  @Test func aBackupOnAnotherMachine() async throws {
    try await Laboratory.with { there in
      try await Laboratory.with { laboratory in
        guard let account = there.ready.accounts.first, let key = account.ssh_key else { throw Failure("no key") }
        let settings = laboratory.data + "/ssh-config"
        let restored = laboratory.data + "-from-afar"
        defer { try? FileManager.default.removeItem(atPath: restored) }
        try """
        IdentityFile \(key)
        IdentitiesOnly yes
        UserKnownHostsFile /dev/null
        StrictHostKeyChecking no
        LogLevel ERROR

        """.write(toFile: settings, atomically: true, encoding: .utf8)
        let place = "sftp://\(account.name.prefix { $0 != "@" })@127.0.0.1:\(try there.port("ssh"))/~/backups/lab"
        for _ in 0..<2 {
          let taken = try await laboratory.portside("backup", "create", place, "--ssh-config", settings)
          #expect(taken.code == 0, "\(taken.all)")
        }
        let verified = try await run(Laboratory.program, ["backup", "verify", place, "--ssh-config", settings])
        #expect(verified.code == 0 && verified.output.contains("2 backups"), "\(verified.all)")
        let back = try await run(
          Laboratory.program, ["backup", "restore", place, "--into", restored, "--ssh-config", settings])
        #expect(back.code == 0, "\(back.all)")
        for path in ["portside.toml", "zones/lab.test.zone", "site/index.html"] {
          #expect(
            FileManager.default.contents(atPath: "\(restored)/\(path)")
              == FileManager.default.contents(atPath: "\(laboratory.data)/\(path)"), "\(path)")
        }
        let refused = try await run(Laboratory.program, ["backup", "list", "sftp://u:secret@127.0.0.1/x"])
        #expect(refused.code == 1 && refused.errors.contains("without a password"), "\(refused.all)")
      }
    }
  }

  /// Backups while mail comes in; the last one, restored to another folder, is a sound server that people can log in to.
  @Test func aServerComesBackFromABackupTakenWhileItServed() async throws {
    try await Laboratory.with { laboratory in
      let repository = laboratory.data + "-backups"
      let (key, restored) = (laboratory.data + "-backups.key", laboratory.data + "-restored")
      defer { for path in [repository, key, restored] { try? FileManager.default.removeItem(atPath: path) } }
      try "a pass phrase for the test\n".write(toFile: key, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key)
      let port = try laboratory.port("smtp")
      async let delivered: Void = Self.deliver(30, port)
      for _ in 0..<4 {
        let taken = try await laboratory.portside("backup", "create", repository, "--key", "file:\(key)")
        #expect(taken.code == 0, "\(taken.all)")
      }
      try await delivered
      let whole = try await laboratory.portside("backup", "create", repository, "--key", "file:\(key)")
      #expect(whole.code == 0, "\(whole.all)")
      let count = try await Self.inbox(laboratory, laboratory.configurationFile)
      #expect(count >= 30)
      let verified = try await run(Laboratory.program, ["backup", "verify", repository, "--key", "file:\(key)"])
      #expect(verified.code == 0 && verified.output.contains("5 backups"), "\(verified.all)")
      #expect(try await run(Laboratory.program, ["backup", "verify", repository]).code == 1)

      let back = try await run(
        Laboratory.program, ["backup", "restore", repository, "--into", restored, "--key", "file:\(key)"])
      #expect(back.code == 0, "\(back.all)")
      try await laboratory.stop()
      // The folder's own configuration names where it was.
      try FileManager.default.moveItem(atPath: laboratory.data, toPath: laboratory.data + "-old")
      defer { try? FileManager.default.removeItem(atPath: laboratory.data + "-old") }
      try FileManager.default.moveItem(atPath: restored, toPath: laboratory.data)
      let checked = try await laboratory.portside("mailbox", "check", "--deep")
      #expect(checked.code == 0, "\(checked.all)")
      #expect(try await Self.inbox(laboratory, laboratory.configurationFile) == count)

      let second = try await Laboratory(in: laboratory.data)
      let ann = second.ready.accounts.first { $0.name == "ann@lab.test" }
      #expect(ann?.password == laboratory.ready.accounts.first { $0.name == "ann@lab.test" }?.password)
      let seen = try await run(
        "curl",
        [
          "-s", "--cacert", second.ready.ca, "-u", "ann@lab.test:\(ann?.password ?? "")",
          "--resolve", "srv.lab.test:\(second.port("imaps")):127.0.0.1",
          "imaps://srv.lab.test:\(second.port("imaps"))/", "-X", "STATUS INBOX (MESSAGES)",
        ])
      #expect(seen.output.contains("MESSAGES \(count)"), "\(seen.all)")
      try await second.stop()
    }
  }

  /// One mailbox, one account and one zone come back into a server that lost them; what is there is not overwritten.
  @Test func partsComeBackWithoutOverwriting() async throws {
    try await Laboratory.with { laboratory in
      let repository = laboratory.data + "-backups"
      defer { try? FileManager.default.removeItem(atPath: repository) }
      try await Self.deliver(3, laboratory.port("smtp"))
      #expect(try await laboratory.portside("backup", "create", repository).code == 0)
      let busy = try await laboratory.portside("backup", "restore", repository, "--mailbox", "ann@lab.test/INBOX")
      #expect(busy.code == 1 && busy.errors.contains("stop the server first"), "\(busy.all)")
      try await laboratory.stop()

      let mailbox = try await laboratory.portside("backup", "restore", repository, "--mailbox", "ann@lab.test/INBOX")
      #expect(mailbox.code == 0 && mailbox.output.contains("Restored/INBOX"), "\(mailbox.all)")
      #expect(try await laboratory.portside("account", "remove", "bob@lab.test").code == 0)
      let account = try await laboratory.portside("backup", "restore", repository, "--account", "bob@lab.test")
      #expect(account.code == 0, "\(account.all)")
      let zone = "\(laboratory.data)/zones/lab.test.zone"
      let text = try String(contentsOfFile: zone, encoding: .utf8)
      try (text + "; changed\n").write(toFile: zone, atomically: true, encoding: .utf8)
      let zones = try await laboratory.portside("backup", "restore", repository, "--zone", "lab.test")
      #expect(zones.code == 0, "\(zones.all)")
      #expect(try String(contentsOfFile: zone, encoding: .utf8) == text)
      #expect(try await laboratory.portside("backup", "restore", repository, "--zone", "no.test").code == 1)

      let second = try await Laboratory(in: laboratory.data)
      let bob = try #require(second.ready.accounts.first { $0.name == "bob@lab.test" })
      let seen = try await run(
        "curl",
        [
          "-s", "--cacert", second.ready.ca, "-u", "bob@lab.test:\(bob.password)",
          "--resolve", "srv.lab.test:\(second.port("imaps")):127.0.0.1",
          "imaps://srv.lab.test:\(second.port("imaps"))/", "-X", "STATUS INBOX (MESSAGES)",
        ])
      #expect(seen.output.contains("STATUS INBOX"), "\(seen.all)")
      try await second.stop()
    }
  }
}
