import Testing
import WireKit

@testable import FTPCore

@Suite struct CommandTests {
  private func command(_ line: String) -> FTPCommand { FTPCommand(line: Array(line.utf8).span.bytes) }

  @Test func wordsAndArguments() {
    #expect(command("retr  two  spaces ").argument == Array(" two  spaces ".utf8), "spaces belong to a name")
    #expect(command("retr x").verb == FTPVerb("RETR" as StaticString))
    #expect(command("TYPE  i ").argument == Array("i".utf8))
    #expect(command("xpwd").verb?.name == "PWD")
    #expect(command("XSOMETHING").verb == nil)
    #expect(command("").verb == nil)
    #expect(command("VERYLONGCOMMANDWORD x").verb == nil)
  }

  @Test func secretsAreMasked() {
    #expect(command("PASS hunter2").masked == "PASS ••••")
    #expect(command("ACCT 123456").masked == "ACCT ••••")
    #expect(command("USER ann\u{1b}[31m").masked == "USER ann\\x1b[31m")
    #expect(
      command("hunter2 hunter2").masked == "(no command)", "a password where a command belongs is not shown either")
  }

  @Test func telnetInFrontOfAnInterruption() {
    for bytes: [UInt8] in [[0xFF, 0xF4, 0xFF, 0xF2], [0xFF, 0xF4, 0xFF], [0xFF, 0xF4], [0xF2 - 0xF2 + 0xFF]] {
      #expect(FTPCommand(line: (bytes + Array("ABOR".utf8)).span.bytes).verb?.name == "ABOR", "\(bytes)")
    }
    let name: [UInt8] = Array("RETR y".utf8) + [0xFF, 0xFF]
    #expect(FTPCommand(line: name.span.bytes).argument == [0x79, 0xFF])
    #expect(FTPCommand(line: [0xFF].span.bytes).argument == [])
  }
}

@Suite struct ReplyTests {
  private func wire(_ reply: FTPReply) -> String {
    var bytes: [UInt8] = []
    reply.encode(into: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func encoding() {
    #expect(wire(FTPReply(200, "Yes.")) == "200 Yes.\r\n")
    #expect(
      wire(.list(211, "Features:", [Array("SIZE".utf8), Array("MDTM".utf8)], "End"))
        == "211-Features:\r\n SIZE\r\n MDTM\r\n211 End\r\n")
    #expect(wire(FTPReply(250, "a\r\n230 forged")) == "250 a??230 forged\r\n")
    #expect(FTPReply.quoted(Array("a \"b\"".utf8)) == Array("\"a \"\"b\"\"\"".utf8))
  }

  @Test func parsing() throws {
    func parse(_ lines: String...) throws -> FTPReply? {
      var parser = FTPReplyParser()
      var result: FTPReply?
      for line in lines { result = try parser.add(Array(line.utf8).span.bytes) }
      return result
    }
    #expect(try parse("220 Hello") == FTPReply(220, "Hello"))
    #expect(try parse("220") == FTPReply(220, ""))
    let long = try #require(try parse("211-Features:", " SIZE", "211-still", "212 not the end", "211 End"))
    #expect(long.code == 211 && long.lines.count == 5 && long.text == "End")
    #expect(try parse("211-Features:", " SIZE") == nil)
    for bad in ["", "hello", "22 x", "22a x", "999 x", "220x", "099 x"] {
      #expect(throws: WireError.self, "\(bad)") { try parse(bad) }
    }
    #expect(throws: WireError.self) {
      var parser = FTPReplyParser()
      for _ in 0...FTPReplyParser.maximumLines { _ = try parser.add(Array("211-x".utf8).span.bytes) }
    }
  }

  @Test func aReplyComesBackAsItWas() throws {
    let reply = FTPReply.list(211, "Status:", [Array("one".utf8), Array("211 two".utf8)], "End")
    var bytes: [UInt8] = []
    reply.encode(into: &bytes)
    var parser = FTPReplyParser()
    var result: FTPReply?
    for line in bytes.split(separator: 0x0A) { result = try parser.add(Array(line.dropLast()).span.bytes) }
    #expect(result?.lines.map { $0.drop { $0 == 0x20 } } == reply.lines.map { $0.drop { $0 == 0x20 } })
  }
}

@Suite struct HostPortTests {
  @Test func port() {
    #expect(FTPHostPort.parsePort("192,168,10,5,195,80") == Endpoint(IPAddress(192, 168, 10, 5), 50_000))
    for bad in ["", "1,2,3,4,5", "1,2,3,4,5,6,7", "256,2,3,4,5,6", "1,2,3,4,,6", "-1,2,3,4,5,6", "a,b,c,d,e,f"] {
      #expect(FTPHostPort.parsePort(bad) == nil, "\(bad)")
    }
    #expect(FTPHostPort.portArgument(Endpoint(IPAddress(127, 0, 0, 1), 258)) == "127,0,0,1,1,2")
    #expect(FTPHostPort.portArgument(Endpoint(IPAddress(v6: 1), 258)) == nil)
  }

  @Test func extendedPort() throws {
    #expect(try FTPHostPort.parseExtendedPort("|1|132.235.1.2|6275|") == Endpoint(IPAddress(132, 235, 1, 2), 6275))
    #expect(try FTPHostPort.parseExtendedPort("!2!::1!6275!") == Endpoint(IPAddress(v6: 1), 6275))
    #expect(throws: FTPHostPort.Refusal.unknownFamily) { try FTPHostPort.parseExtendedPort("|3|x|1|") }
    for bad in [
      "", "|", "|1|::1|80|", "|2|127.0.0.1|80|", "|1|127.0.0.1|65536|", "|1|127.0.0.1|80", "é1é127.0.0.1é80é",
    ] {
      #expect(throws: FTPHostPort.Refusal.malformed, "\(bad)") { try FTPHostPort.parseExtendedPort(bad) }
    }
    let endpoint = Endpoint(IPAddress(v6: 7), 40_000)
    #expect(try FTPHostPort.parseExtendedPort(FTPHostPort.extendedPortArgument(endpoint)) == endpoint)
  }

  @Test func replies() {
    #expect(FTPHostPort.parsePassiveReply("Entering Passive Mode (10,0,0,1,4,1).")?.port == 1025)
    #expect(FTPHostPort.parsePassiveReply("=10,0,0,1,4,1")?.port == 1025)
    #expect(FTPHostPort.parsePassiveReply("Entering Passive Mode.") == nil)
    #expect(FTPHostPort.parseExtendedPassiveReply("Entering Extended Passive Mode (|||6446|)") == 6446)
    for bad in ["(|||0|)", "(|||65536|)", "()", "(|||x|)", ")(", ""] {
      #expect(FTPHostPort.parseExtendedPassiveReply(bad) == nil, "\(bad)")
    }
  }
}

@Suite struct TimeTests {
  @Test func theSameBothWays() throws {
    for seconds: Int64 in [0, 951_782_400, 1_583_020_799, 1_774_425_330, 4_102_444_800, -1, -86_400, 253_402_300_799] {
      let time = FTPTime(seconds: seconds)
      #expect(FTPTime(time.text) == time, "\(seconds) \(time.text)")
    }
    #expect(FTPTime("20260325081530.250")?.text == "20260325081530")
    #expect(FTPTime("202603250815")?.text == "20260325081500")
    #expect(FTPTime(seconds: 951_782_400).text == "20000229000000")
    for bad in ["", "2026", "20261325081530", "20260230000000", "20260325241530", "2026032508153a", "20260325081530.x"]
    {
      #expect(FTPTime(bad) == nil, "\(bad)")
    }
    // What no calendar of four digits has is shown as the nearest.
    #expect(FTPTime(seconds: .max).text == "99991231235959" && FTPTime(seconds: .min).text == "00010101000000")
  }

  @Test func listings() throws {
    let now = try #require(FTPTime("20260325120000"))
    var entry = FTPEntry(
      name: Array("a b".utf8), kind: .file, size: 25, permissions: 0o640,
      modified: try #require(FTPTime("20260324081530")),
      owner: "0", group: "0", rights: "adfrw")
    func line(_ style: FTPListingStyle) -> String {
      var bytes: [UInt8] = []
      entry.write(style, now: now, into: &bytes)
      return String(decoding: bytes, as: UTF8.self)
    }
    #expect(line(.long) == "-rw-r-----   1 0        0                  25 Mar 24 08:15 a b\r\n")
    #expect(line(.facts(.all)) == "type=file;size=25;modify=20260324081530;perm=adfrw;UNIX.mode=0640; a b\r\n")
    #expect(line(.names) == "a b\r\n")
    #expect(line(.facts([])) == " a b\r\n")
    entry.modified = try #require(FTPTime("20210102000000"))
    entry.kind = .folder
    #expect(line(.long) == "drw-r-----   1 0        0                  25 Jan  2  2021 a b\r\n")
    entry.name = Array("line\nbreak".utf8)
    for style: FTPListingStyle in [.long, .names, .facts(.all)] { #expect(line(style).isEmpty) }
    let parsed = try #require(FTPFactLine(Array("Type=file;Size=25;Modify=20260324081530; a b; c".utf8)))
    #expect(parsed.isFile && parsed.size == 25 && parsed.modified?.text == "20260324081530")
    #expect(parsed.name == Array("a b; c".utf8))
    for bad in ["", "type=file;", "type; x", "type=file; "] { #expect(FTPFactLine(Array(bad.utf8)) == nil, "\(bad)") }
  }
}

@Suite struct ASCIITests {
  private func encode(_ pieces: [ArraySlice<UInt8>]) -> [UInt8] {
    var encoder = ASCIIEncoder()
    var output: [UInt8] = []
    for piece in pieces { Array(piece).withUnsafeBytes { encoder.encode($0, into: &output) } }
    return output
  }

  private func decode(_ pieces: [ArraySlice<UInt8>]) -> [UInt8] {
    var decoder = ASCIIDecoder()
    var output: [UInt8] = []
    for piece in pieces { Array(piece).withUnsafeBytes { decoder.decode($0, into: &output) } }
    decoder.finish(into: &output)
    return output
  }

  @Test func lineEndsWhereverTheStreamIsCut() {
    for (file, wire, back) in [
      ("a\nb\n", "a\r\nb\r\n", "a\nb\n"), ("a\r\nb", "a\r\nb", "a\nb"), ("\n\n", "\r\n\r\n", "\n\n"),
      ("a\rb\r", "a\rb\r", "a\rb\r"), ("", "", ""), ("\r\r\n", "\r\r\n", "\r\n"),
    ] {
      let (file, wire, back) = (Array(file.utf8), Array(wire.utf8), Array(back.utf8))
      for cut in 0...file.count { #expect(encode([file[..<cut], file[cut...]]) == wire) }
      for cut in 0...wire.count { #expect(decode([wire[..<cut], wire[cut...]]) == back) }
    }
  }
}
