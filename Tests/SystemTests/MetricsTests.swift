import Foundation
import LaboratoryKit
import Testing

/// What the metrics page tells after conversations with every service.
@Suite(.serialized, .timeLimit(.minutes(5))) struct MetricsTests {
  /// The samples of a scrape by their names with labels.
  private static func scrape(_ laboratory: Laboratory) async throws -> [String: Double] {
    let port = try laboratory.port("metrics")
    let result = try await run("curl", ["-sS", "--max-time", "20", "http://127.0.0.1:\(port)/metrics"])
    guard result.code == 0 else { throw Failure(result.all) }
    return result.output.split(separator: "\n").reduce(into: [:]) { samples, line in
      guard !line.hasPrefix("#"), let blank = line.lastIndex(of: " ") else { return }
      samples[String(line[..<blank])] = Double(line[line.index(after: blank)...])
    }
  }

  /// The sum of a family over the samples that have all of these labels.
  private static func sum(_ samples: [String: Double], _ name: String, _ labels: String...) -> Double {
    samples.filter { sample in sample.key.hasPrefix("\(name){") && labels.allSatisfy { sample.key.contains($0) } }
      .values.reduce(0, +)
  }

  @Test func everyServiceIsCounted() async throws {
    try await Laboratory.with { laboratory in
      try await Self.converse(laboratory)
      let samples = try await Self.scrape(laboratory)
      for service in [
        "dns", "http", "https", "smtp", "imap", "pop3", "ftp", "ssh", "telnet", "rdp", "tftp", "dhcp",
      ] {
        let label = #"service="\#(service)""#
        if service != "dhcp", service != "dns" {
          #expect(Self.sum(samples, "portside_service_connections_total", label) > 0, "\(service)")
        }
        for direction in ["in", "out"] {
          let bytes = Self.sum(samples, "portside_service_bytes_total", label, #"direction="\#(direction)""#)
          #expect(bytes > 0, "\(service) \(direction)")
        }
        // Nobody logs in to a desktop here.
        if service == "https" || service == "rdp" { continue }
        #expect(Self.sum(samples, "portside_operations_total", label) > 0, "\(service)")
        #expect(Self.sum(samples, "portside_operation_seconds_count", label) > 0, "\(service)")
      }
      for (service, operation) in [
        ("dns", "query"), ("http", "get"), ("smtp", "rcpt"), ("imap", "auth"), ("imap", "list"), ("pop3", "open"),
        ("ftp", "auth"), ("ssh", "auth"), ("ssh", "sftp-open"), ("tftp", "read"), ("telnet", "auth"),
      ] {
        let count = Self.sum(
          samples, "portside_operations_total", #"service="\#(service)""#, #"operation="\#(operation)""#)
        #expect(count > 0, "\(service) \(operation)")
      }
      for store in ["accounts", "mail", "queue"] {
        #expect(Self.sum(samples, "portside_store_seconds_count", #"store="\#(store)""#) > 0, "\(store)")
      }
      #expect(Self.sum(samples, "portside_store_seconds_count", #"store="mail""#, #"operation="commit""#) > 0)
      let granted = #"result="granted""#
      #expect(Self.sum(samples, "portside_logins_total", #"service="imap""#, granted) > 0)
      #expect(Self.sum(samples, "portside_logins_total", #"method="public-key""#, granted) > 0)
      #expect(Self.sum(samples, "portside_logins_total", #"service="pop3""#, #"result="denied""#) == 1)
      #expect(Self.sum(samples, "portside_penalties_total", #"class="authfail""#) == 1)

      // Many strangers' words later there are as many samples as before: no peer's word becomes a label.
      try await Self.talkNonsense(laboratory)
      let later = try await Self.scrape(laboratory)
      let added = Set(later.keys).subtracting(samples.keys)
      #expect(!added.contains { $0.contains("nonsense") }, "\(added)")
      #expect(added.count < 150, "\(added.count): \(added.sorted().prefix(20))")
    }
  }

  @Test func restartsAreCounted() async throws {
    try await Laboratory.with { laboratory in
      let name = #"portside_worker_restarts_total{worker="mail"}"#
      #expect(try await Self.scrape(laboratory)[name] == 0)
      kill(try #require(laboratory.workers()["mail"]), SIGKILL)
      let isCounted = try await eventually(within: .seconds(20)) {
        let samples = try await Self.scrape(laboratory)
        return samples[name] == 1 && samples[#"portside_worker_up{worker="mail"}"#] == 1
      }
      #expect(isCounted)
    }
  }

  /// A conversation with every service, by real clients.
  private static func converse(_ laboratory: Laboratory) async throws {
    let ann = laboratory.ready.accounts[0]
    let login = "\(ann.name):\(ann.password)"
    func url(_ scheme: String, _ service: String, _ path: String = "", _ transport: String = "tcp") throws -> String {
      "\(scheme)://127.0.0.1:\(try laboratory.port(service, transport))/\(path)"
    }
    // The program's own clients ask every service.
    let check = try await laboratory.portside("check", within: .seconds(60))
    for service in ["dns", "dhcp", "rdp", "telnet"] {
      #expect(check.output.contains("PASS  \(service) "), "\(check.all)")
    }
    #expect(try await laboratory.portside("console", "show leases").code == 0)
    let curl = ["-sS", "--max-time", "20", "-o", "/dev/null"]
    let mail = "\(laboratory.data)/mail.txt"
    try "From: <\(ann.name)>\r\nSubject: x\r\n\r\nHello\r\n".write(toFile: mail, atomically: true, encoding: .utf8)
    for words in [
      [try url("http", "http")], ["-u", login, try url("imap", "imap", "INBOX")],
      ["-u", login, try url("pop3", "pop3")], ["-u", login, try url("ftp", "ftp")],
      [
        "--mail-from", "x@lab.test", "--mail-rcpt", ann.name, "--upload-file", mail,
        try url("smtp", "smtp", "lab.test"),
      ], [try url("tftp", "tftp", "boot.ipxe", "udp")],
    ] {
      let result = try await run("curl", curl + words)
      #expect(result.code == 0, "\(words): \(result.all)")
    }
    let refused = try await run("curl", curl + ["-u", "\(ann.name):wrong", try url("pop3", "pop3")])
    #expect(refused.code != 0)
    let sftp = try await run(
      "sftp",
      [
        "-q", "-b", "-", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
        "IdentitiesOnly=yes", "-i", try #require(ann.ssh_key), "-P", "\(try laboratory.port("ssh"))",
        "\(ann.name)@127.0.0.1",
      ], input: "put \(mail) here.txt\nls\n", within: .seconds(30))
    #expect(sftp.code == 0, "\(sftp.all)")
    let telnet = try StreamSocket(port: try laboratory.port("telnet"))
    _ = try telnet.receive(until: "ogin: ")
    try telnet.send("\(ann.name)\r\n")
    _ = try telnet.receive(until: "assword: ")
    try telnet.send("\(ann.password)\r\n")
    _ = try telnet.receive(until: "> ")
  }

  private static func talkNonsense(_ laboratory: Laboratory) async throws {
    for number in 0..<30 {
      let word = "nonsense\(number)"
      _ = try await run(
        "curl",
        [
          "-s", "-o", "/dev/null", "-X", word, "-H", "Host: \(word)", "--max-time", "5",
          "http://127.0.0.1:\(try laboratory.port("http"))/\(word)",
        ])
      let smtp = try StreamSocket(port: try laboratory.port("smtp"))
      _ = try smtp.receive(until: "220 ")
      try smtp.send("\(word)\r\nQUIT\r\n")
      _ = try smtp.receive(until: "221 ")
      _ = try await run(
        "dig",
        ["@127.0.0.1", "-p", "\(try laboratory.port("dns"))", "+tries=1", "\(word).lab.test", "TYPE\(500 + number)"])
    }
  }
}
