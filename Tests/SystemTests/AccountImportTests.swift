import Foundation
import LaboratoryKit
import Testing

/// People move in from another system with the passwords that they have.
@Suite(.serialized, .timeLimit(.minutes(3))) struct AccountImportTests {
  private static let password = "correct horse"
  private static let sha512 =
    "$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0"
  private static let bcrypt = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"
  private static let salted = "{SSHA256}hqmOxdw2MHQ1V60KWaSblKV0Tq5UZdVfLWnW5Pbhl42p+cCt"

  private static func logIn(_ laboratory: Laboratory, _ name: String) async throws -> Bool {
    let place = "imap://127.0.0.1:\(try laboratory.port("imap"))/INBOX"
    return try await run("curl", ["-sS", "--user", "\(name):\(password)", place]).code == 0
  }

  /// What the store keeps of a password.
  private static func kept(_ laboratory: Laboratory, _ name: String) async throws -> String {
    let program = """
      import sqlite3, sys
      row = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute("select argon2id, scram from account_password \\
        join account on account.id = account_id where account.name like ?", (sys.argv[2] + "@%",)).fetchone()
      print(bytes(row[0]).decode(), "without SCRAM" if row[1] is None else "with SCRAM")
      """
    let result = try await run("python3", ["-c", program, laboratory.data + "/store/portside.sqlite", name])
    guard result.code == 0 else { throw Failure(result.all) }
    return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func take(
    _ laboratory: Laboratory, _ text: String, _ options: [String] = []
  ) async throws -> [String: Any] {
    let file = laboratory.data + "/import"
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    let result = try await run(
      Laboratory.program,
      ["account", "import", file, "--role", "admin", "--json", "--config", laboratory.configurationFile] + options)
    guard let report = try result.json() as? [String: Any] else { throw Failure(result.all) }
    return report
  }

  @Test func passwordsComeAlong() async throws {
    try await Laboratory.with { laboratory in
      let shadow = laboratory.data + "/shadow"
      try "root:*:1::::::\nmia:\(Self.sha512):19000:0:99999:7:::\nlocked:!\(Self.sha512):1::::::\n".write(
        toFile: shadow, atomically: true, encoding: .utf8)
      let passwd = """
        root:x:0:0:root:/root:/bin/bash
        daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
        mia:x:1000:1000:Mia Meyer,Room 5,,:/home/mia:/bin/bash
        locked:x:1001:1001::/home/locked:/bin/bash

        """
      let trial = try await Self.take(laboratory, passwd, ["--shadow", shadow, "--dry-run"])
      #expect(trial["added"] as? [String] == ["mia", "locked"])
      #expect(try await !Self.logIn(laboratory, "mia"), "a dry run added somebody")
      let report = try await Self.take(laboratory, passwd, ["--shadow", shadow])
      #expect(report["added"] as? [String] == ["mia", "locked"])
      #expect(report["withoutPassword"] as? [String] == ["locked"])
      #expect(report["passedOver"] as? [String] == ["root", "daemon"])
      #expect(try await laboratory.portside("account", "show", "mia").output.contains("Mia Meyer"))

      // The first log-in by password puts our own hash and what SCRAM needs in the place of the one that came along.
      #expect(try await Self.kept(laboratory, "mia") == "\(Self.sha512) without SCRAM")
      #expect(try await Self.logIn(laboratory, "mia"))
      let kept = try await Self.kept(laboratory, "mia")
      #expect(kept.hasPrefix("$argon2id$") && kept.hasSuffix(" with SCRAM"), "\(kept)")
      #expect(try await Self.logIn(laboratory, "mia"))
      #expect(try await !Self.logIn(laboratory, "locked"))

      let dovecot = try await Self.take(
        laboratory,
        "tom:\(Self.salted):5000:5000:Tom:/var/vmail/tom::userdb_quota_rule=*:storage=2G\nmia:\(Self.bcrypt)\n")
      #expect(dovecot["added"] as? [String] == ["tom"] && dovecot["present"] as? [String] == ["mia"])
      #expect(try await Self.logIn(laboratory, "tom"))

      let table = try await Self.take(
        laboratory,
        "name,display-name,roles,addresses,hash\nzoe,\"Zoe, the boss\",admin,office boss,\(Self.bcrypt)\n")
      #expect(table["added"] as? [String] == ["zoe"], "\(table)")
      #expect(try await laboratory.portside("account", "show", "zoe").output.contains("Zoe, the boss"))
      #expect(try await Self.logIn(laboratory, "zoe"))
    }
  }

  @Test func whatIsWrongIsSaid() async throws {
    try await Laboratory.with { laboratory in
      let report = try await Self.take(laboratory, "ann2:$9$unknown\nbad name:\(Self.bcrypt)\nann:\(Self.bcrypt)\n")
      #expect(report["unread"] as? [String] == ["ann2: a hash of an unknown form"])
      #expect((report["refused"] as? [String: String])?.keys.first == "bad name")
      #expect(report["present"] as? [String] == ["ann"])
      try "\n".write(toFile: laboratory.data + "/empty", atomically: true, encoding: .utf8)
      let empty = try await laboratory.portside("account", "import", laboratory.data + "/empty")
      #expect(empty.code == 1 && empty.errors.contains("empty"), "\(empty.all)")
    }
  }
}
