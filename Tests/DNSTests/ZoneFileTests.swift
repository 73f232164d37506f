import DNSCore
import Testing
import WireKit

private struct Files: ZoneFileIncludes {
  let files: [String: String]
  func contents(of path: String) throws(PresentationError) -> [UInt8] {
    guard let text = files[path] else { throw PresentationError("no such file", at: 0) }
    return Array(text.utf8)
  }
}

@Suite struct ZoneFileTests {
  private func read(_ text: String, _ files: [String: String] = [:]) throws -> (lines: [String], findings: [String]) {
    let (records, result) = ZoneFile.records(
      text, origin: try Name("lab.test."), file: "zone", includes: Files(files: files))
    return (records.map(\.description), result.findings.map(\.description))
  }

  /// Zone files and the records that they mean.
  @Test(arguments: [
    (
      "owner, TTL and class in any order", "a 60 IN A 10.0.0.1\na IN 60 A 10.0.0.1\na 60 A 10.0.0.1\n",
      ["a.lab.test. 60 IN A 10.0.0.1"]
    ),
    ("inherited owner", "$TTL 60\na A 10.0.0.1\n  A 10.0.0.1\n\t IN A 10.0.0.1\n", ["a.lab.test. 60 IN A 10.0.0.1"]),
    ("inherited TTL", "a 60 A 10.0.0.1\na A 10.0.0.1\n", ["a.lab.test. 60 IN A 10.0.0.1"]),
    (
      "units", "$TTL 1h30m\na A 10.0.0.1\na 1W2D A 10.0.0.1\n",
      ["a.lab.test. 5400 IN A 10.0.0.1", "a.lab.test. 777600 IN A 10.0.0.1"]
    ),
    (
      "origin", "$TTL 60\n$ORIGIN sub\na A 10.0.0.1\n$ORIGIN other.\n@ A 10.0.0.1\n",
      ["a.sub.lab.test. 60 IN A 10.0.0.1", "other. 60 IN A 10.0.0.1"]
    ),
    ("parentheses and comments", "a 60 ( A ; (\n 10.0.0.1 ; )\n ) ; end\n", ["a.lab.test. 60 IN A 10.0.0.1"]),
    ("CRLF and no end of line", "a 60 A 10.0.0.1\r\na 60 A 10.0.0.1", ["a.lab.test. 60 IN A 10.0.0.1"]),
    ("quotes", "a 60 TXT \"x;y (z\" plain\n", ["a.lab.test. 60 IN TXT \"x;y (z\" \"plain\""]),
    ("adjacent quotes", "a 60 TXT \"x\"\"y\"\n", ["a.lab.test. 60 IN TXT \"x\" \"y\""]),
    ("escapes in names", "a\\.b\\032 60 CNAME \\@\n", ["a\\.b\\032.lab.test. 60 IN CNAME \\@.lab.test."]),
    ("numbers as names", "10 60 A 10.0.0.1\n", ["10.lab.test. 60 IN A 10.0.0.1"]),
    ("a name like a type", "A 60 A 10.0.0.1\n", ["A.lab.test. 60 IN A 10.0.0.1"]),
    ("lower case", "a 60 in a 10.0.0.1\n", ["a.lab.test. 60 IN A 10.0.0.1"]),
    ("class by number", "a 60 CLASS1 TYPE1 \\# 4 0A000001\n", ["a.lab.test. 60 IN A 10.0.0.1"]),
    ("empty lines", "\n \n;\n ; c\na 60 A 10.0.0.1\n\n", ["a.lab.test. 60 IN A 10.0.0.1"]),
    (
      "generate", "$TTL 60\n$GENERATE 1-3/2 h${0,3}.$ A 10.0.0.$\n",
      ["h001.1.lab.test. 60 IN A 10.0.0.1", "h003.3.lab.test. 60 IN A 10.0.0.3"]
    ),
    (
      "generate with TTL and class", "$GENERATE 9-10 $ 60 IN PTR x-${-9,2,x}.\n",
      ["9.lab.test. 60 IN PTR x-00.", "10.lab.test. 60 IN PTR x-01."]
    ),
    (
      "generate nibbles and dollars", "$TTL 60\n$GENERATE 18-18 ${0,3,n} TXT \"$$ \\$ ${0,0,X}\"\n",
      ["2.1.lab.test. 60 IN TXT \"$ $ 12\""]
    ),
    (
      "SOA over lines", "@ 60 SOA ns who (\n 1 ; serial\n 2 3\n 4 5 )\n",
      ["lab.test. 60 IN SOA ns.lab.test. who.lab.test. 1 2 3 4 5"]
    ),
  ])
  func zoneFiles(what: String, text: String, lines: [String]) throws {
    let (read, findings) = try read(text)
    #expect(findings == [], "\(what)")
    var distinct: [String] = []
    for line in read where distinct.last != line { distinct.append(line) }
    #expect(distinct == lines, "\(what)")
  }

  /// Mistakes, and where they are said to be. Everything around them is read all the same.
  @Test(arguments: [
    ("a 60 A 10.0.0.256\n", "zone:1:8: error: '10.0.0.256' is no IPv4 address"),
    ("a 60 BOGUS x\n", "zone:1:6: error: 'BOGUS' is no record type"),
    ("\n\na 60 MX mail\n", "zone:3:9: error: 'mail' is no number of 0 to 65535"),
    ("a 60 A 10.0.0.1 x\n", "zone:1:17: error: 'x' is too much for A"),
    ("a 60 TXT \"open\n", "zone:1:10: error: quoted string is never closed"),
    ("a 60 A ( 10.0.0.1\n\n", "zone:1:8: error: '(' is never closed"),
    ("a 60 A 10.0.0.1 )\n", "zone:1:17: error: ')' without '('"),
    ("a 60 (\n A\n  1.2.3 )\n", "zone:3:3: error: '1.2.3' is no IPv4 address"),
    ("  60 A 10.0.0.1\n", "zone:1:3: error: no owner: the entry before has none to inherit"),
    ("a A 10.0.0.1\n", "zone:1:3: error: no time to live, and no $TTL before"),
    ("a 60\n", "zone:1:5: error: record type is missing"),
    ("a 3000000000 A 10.0.0.1\n", "zone:1:3: error: '3000000000' is no time to live"),
    ("a 60 CH A 10.0.0.1\n", "zone:1:6: error: class CH: only IN has zones here"),
    ("a..b 60 A 10.0.0.1\n", "zone:1:3: error: empty label in a name"),
    ("a 60 ANY x\n", "zone:1:6: error: ANY is not for zones"),
    ("a 60 TYPE41 \\# 0\n", "zone:1:6: error: OPT is not for zones"),
    ("$TTL x\n", "zone:1:1: error: $TTL SECONDS"),
    ("$ORIGIN\n", "zone:1:1: error: $ORIGIN NAME"),
    ("$FOO\n", "zone:1:1: error: unknown directive '$FOO'"),
    ("$INCLUDE gone\n", "zone:1:10: error: $INCLUDE gone: no such file"),
    ("$INCLUDE bad\n", "bad:2:8: error: 'x' is no IPv4 address"),
    ("$GENERATE 3-1 a$ A 10.0.0.1\n", "zone:1:11: error: '3-1' is no range START-STOP[/STEP]"),
    ("$GENERATE 1-2 a$ A 10.0.0.$ x\n", "zone:1:1: error: $GENERATE at 1: 'x' is too much for A"),
    ("$GENERATE 0-4294967295 a$ A 10.0.0.1\n", "zone:1:1: error: $GENERATE makes more than 1048576 records"),
    ("$GENERATE 1-1 a${1 A 10.0.0.1\n", "zone:1:17: error: '${' is never closed"),
    ("a 60 A 1.2.3.4\\\n", "zone:1:15: error: backslash at the end of a line"),
  ])
  func mistakes(text: String, finding: String) throws {
    let (lines, findings) = try read("good 60 A 10.0.0.9\n" + "", ["bad": "\na 60 A x\n"])
    #expect(lines.count == 1 && findings.isEmpty)
    let result = try read(text, ["bad": "\na 60 A x\n"])
    #expect(result.findings.first == finding)
    // Behind the mistake it goes on, unless the mistake swallowed the rest.
    guard !finding.contains("'(' is never closed") else { return }
    let after = try read(text + "good 60 A 10.0.0.9\n", ["bad": "\na 60 A x\n"])
    #expect(after.lines.last == "good.lab.test. 60 IN A 10.0.0.9")
  }

  @Test func includes() throws {
    let (lines, findings) = try read(
      "$TTL 60\na A 10.0.0.1\n$INCLUDE hosts sub\n  A 10.0.0.2\nb A 10.0.0.3\n",
      ["hosts": "h A 10.0.1.1\n$ORIGIN deep\n@ A 10.0.1.2\n"])
    #expect(findings == [])
    #expect(
      lines == [
        "a.lab.test. 60 IN A 10.0.0.1", "h.sub.lab.test. 60 IN A 10.0.1.1", "deep.sub.lab.test. 60 IN A 10.0.1.2",
        "a.lab.test. 60 IN A 10.0.0.2", "b.lab.test. 60 IN A 10.0.0.3",
      ])
    let endless = try read("$INCLUDE me\n", ["me": "$INCLUDE me\n"])
    #expect(endless.findings == ["me:1:1: error: $INCLUDE deeper than 8 files"])
    let (_, none) = ZoneFile.records("$INCLUDE x\n", origin: .root)
    #expect(none.findings.map(\.message) == ["$INCLUDE is not possible here"])
  }

  @Test func soaWithoutTTLTakesItsMinimum() throws {
    let (lines, findings) = try read("@ SOA a b 1 2 3 4 5\nx A 10.0.0.1\n")
    #expect(lines == ["lab.test. 5 IN SOA a.lab.test. b.lab.test. 1 2 3 4 5", "x.lab.test. 5 IN A 10.0.0.1"])
    #expect(findings == ["zone:1: warning: no $TTL before the SOA: its minimum is taken"])
  }

  @Test func findingsAreBounded() throws {
    let result = try read(String(repeating: "a 60 A x\n", count: 500))
    #expect(result.findings.count == 101)
    #expect(result.findings.last == "zone: error: further findings are left out")
  }

  /// Whatever stands in a file, reading it ends, and never by a trap.
  @Test func anythingMayStandInAFile() throws {
    let text = Array(exampleZone.utf8.prefix(1500))
    for index in text.indices {
      for byte in "\"()\\;$\n \0\u{7f}".utf8 {
        var changed = text
        changed[index] = byte
        _ = Zone.load(changed.span.bytes, apex: try Name("lab.test."))
      }
      _ = Zone.load(text.span.bytes.extracting(0..<index), apex: try Name("lab.test."))
    }
  }
}
