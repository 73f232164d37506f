import Foundation
import LaboratoryKit
import Testing

/// What a mail domain publishes, as dig, curl and sieve-connect see it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct MailSetupClientsTests {
  @Test func theZoneAndTheWebTellOfTheDomain() async throws {
    try await Laboratory.with { laboratory in
      let dns = "\(try laboratory.port("dns", "udp"))"
      func dig(_ name: String, _ type: String) async throws -> String {
        try await run("dig", ["+short", "@127.0.0.1", "-p", dns, name, type]).output
      }
      let isThere = try await eventually(within: .seconds(30)) {
        try await dig("rsa1._domainkey.lab.test", "TXT").contains("v=DKIM1")
      }
      #expect(isThere, "\(laboratory.log)")
      #expect(try await dig("_dmarc.lab.test", "TXT").contains("v=DMARC1; p=quarantine"))
      #expect(try await dig("_imaps._tcp.lab.test", "SRV").contains(" \(try laboratory.port("imaps")) srv.lab.test."))
      // One of each: what the zone's file says itself goes first.
      #expect(try await dig("lab.test", "MX") == "10 srv.lab.test.\n")
      #expect(try await dig("lab.test", "TXT") == "\"v=spf1 mx -all\"\n")
      let https = try laboratory.port("https")
      func fetch(_ host: String, _ path: String, _ more: [String] = []) async throws -> CommandResult {
        try await run(
          "curl",
          ["-sS", "--fail", "--cacert", laboratory.ready.ca, "--resolve", "\(host):\(https):127.0.0.1"] + more
            + ["https://\(host):\(https)\(path)"])
      }
      let policy = try await fetch("mta-sts.lab.test", "/.well-known/mta-sts.txt")
      #expect(
        policy.output == "version: STSv1\r\nmode: testing\r\nmx: srv.lab.test\r\nmax_age: 604800\r\n", "\(policy.all)")
      let thunderbird = try await fetch("autoconfig.lab.test", "/mail/config-v1.1.xml?emailaddress=ann%40lab.test")
      #expect(thunderbird.output.contains("<port>\(try laboratory.port("imaps"))</port>"), "\(thunderbird.all)")
      let outlook = try await fetch(
        "autodiscover.lab.test", "/autodiscover/autodiscover.xml",
        ["--data", "<Autodiscover><Request><EMailAddress>ann@lab.test</EMailAddress></Request></Autodiscover>"])
      #expect(outlook.output.contains("<LoginName>ann@lab.test</LoginName>"), "\(outlook.all)")
      let apple = try await fetch("autoconfig.lab.test", "/mail/mail.mobileconfig?email=ann%40lab.test")
      #expect(apple.output.contains("com.apple.mail.managed"), "\(apple.all)")
      let hostile = try await fetch("autoconfig.lab.test", "/mail/mail.mobileconfig?email=%3Cb%3E%40lab.test")
      #expect(hostile.code != 0)
      // The policy is never told in plain text (RFC 8461 §3.3).
      let plain = try await run(
        "curl",
        [
          "-sS", "--fail", "-H", "Host: mta-sts.lab.test",
          "http://127.0.0.1:\(try laboratory.port("http"))/.well-known/mta-sts.txt",
        ])
      #expect(plain.code != 0)
      let check = try await laboratory.portside("check")
      #expect(check.output.contains("17 of 17 records are as they should be"), "\(check.all)")
    }
  }

  @Test func keysRollOverAndAreSealed() async throws {
    try await Laboratory.with { laboratory in
      let rolled = try await laboratory.portside("queue", "roll-keys", "lab.test", "--at-once")
      #expect(rolled.output.contains("rsa2._domainkey.lab.test signs"), "\(rolled.all)")
      let files = try FileManager.default.contentsOfDirectory(atPath: "\(laboratory.data)/queue/dkim")
      #expect(files.filter { $0.hasSuffix(".key") }.count == 5, "\(files)")
      for file in files where file.hasSuffix(".key") {
        let content = FileManager.default.contents(atPath: "\(laboratory.data)/queue/dkim/\(file)") ?? Data()
        #expect(content.starts(with: Data("portside sealed mail key 1\n".utf8)), "\(file)")
      }
      let records = try await eventually(within: .seconds(90)) {
        try await laboratory.portside("queue", "records").output.contains("rsa2._domainkey.lab.test.")
      }
      #expect(records)
      let dns = "\(try laboratory.port("dns", "udp"))"
      let isPublished = try await eventually(within: .seconds(30)) {
        try await run("dig", ["+short", "@127.0.0.1", "-p", dns, "ed2._domainkey.lab.test", "TXT"]).output
          .contains("k=ed25519")
      }
      #expect(isPublished)
    }
  }

  @Test func sieveConnectKeepsAFilter() async throws {
    try await Laboratory.with { laboratory in
      let ann = try #require(laboratory.ready.accounts.first { $0.name.hasPrefix("ann@") })
      try await TemporaryFolder.with { folder in
        try "require [\"fileinto\"];\r\nif header :contains \"subject\" \"swift\" { fileinto \"Archive\"; }\r\n".write(
          toFile: "\(folder)/good.sieve", atomically: true, encoding: .utf8)
        try "nonsense;\r\n".write(toFile: "\(folder)/bad.sieve", atomically: true, encoding: .utf8)
        try ann.password.write(toFile: "\(folder)/password", atomically: true, encoding: .utf8)
        func connect(_ words: String...) async throws -> CommandResult {
          try await run(
            "bash",
            [
              "-c", "exec sieve-connect \"$@\" --passwordfd 3 3< \(folder)/password", "sieve-connect", "--server",
              "127.0.0.1", "--port", "\(try laboratory.port("sieve"))", "--user", ann.name, "--notlsverify",
            ] + words)
        }
        let upload = try await connect(
          "--upload", "--localsieve", "\(folder)/good.sieve", "--remotesieve", "mine")
        #expect(upload.code == 0, "\(upload.all)")
        let activate = try await connect("--activate", "--remotesieve", "mine")
        #expect(activate.code == 0, "\(activate.all)")
        let list = try await connect("--list")
        #expect(list.output.contains("mine"), "\(list.all)")
        let bad = try await connect("--checkscript", "--localsieve", "\(folder)/bad.sieve")
        #expect(bad.errors.contains("line 1"), "\(bad.all)")
        let download = try await connect(
          "--download", "--remotesieve", "mine", "--localsieve", "\(folder)/back.sieve")
        #expect(download.code == 0, "\(download.all)")
        #expect(
          try String(contentsOfFile: "\(folder)/back.sieve", encoding: .utf8)
            == String(contentsOfFile: "\(folder)/good.sieve", encoding: .utf8))
        // The filter is the one that runs.
        let show = try await laboratory.portside("sieve", "show", ann.name)
        #expect(show.output.contains("Archive"), "\(show.all)")
        let remove = try await connect("--deactivate")
        let delete = try await connect("--delete", "--remotesieve", "mine")
        #expect(remove.code == 0 && delete.code == 0, "\(remove.all)\(delete.all)")
        #expect(try await laboratory.portside("sieve", "show", ann.name).code == 1)
      }
    }
  }
}
