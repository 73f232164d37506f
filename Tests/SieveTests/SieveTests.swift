import SieveCore
import Testing

/// A message for tests.
struct TestMessage: SieveMessage {
  var fields: [String: [String]] = [
    "from": ["Coyote <coyote@desert.example>"], "to": ["Roadrunner <roadrunner+fast@acme.example>"],
    "subject": ["I have a present for you"], "x-count": ["007"],
    "date": ["Tue, 1 Apr 1997 09:06:31 -0800"], "received": ["one", "two", "three"],
  ]
  var size: Int64 = 1000
  var envelopeFrom = "coyote@desert.example"
  var envelopeTo = "roadrunner+fast@acme.example"
  var now: Int64 = 1_800_000_000

  func header(_ name: String) -> [String] { fields[name.lowercased()] ?? [] }
  func addresses(_ name: String) -> [String] {
    header(name).map { String($0.split(separator: "<").last?.dropLast() ?? "") }
  }
  func text() -> String { "Look, I'm your friend" }
  func raw() -> String { "TG9vaw==" }
  func hasMailbox(_ name: String) -> Bool { name == "Work" }
}

struct SieveTests {
  private func run(_ script: String, _ message: TestMessage = TestMessage()) throws -> [SieveOutcome.Action] {
    SieveInterpreter.run(try SieveScript(script), on: message).actions
  }

  /// Whether a test holds.
  private func holds(_ test: String, require: String = "") throws -> Bool {
    let list =
      require.isEmpty ? "" : "require [\(require.split(separator: " ").map { "\"\($0)\"" }.joined(separator: ","))];"
    return try run("\(list) if \(test) { discard; }") == []
  }

  @Test func withoutACommandItIsKept() throws {
    #expect(try run("") == [.keep(flags: [])])
    #expect(try run("# nothing\r\n/* at\nall */ keep;") == [.keep(flags: [])])
    #expect(try run("discard;") == [])
    #expect(try run("stop; discard;") == [.keep(flags: [])])
  }

  @Test(arguments: [
    (#"header :is "Subject" "i have a present for you""#, "", true),
    (#"header :is :comparator "i;octet" "Subject" "i have a present for you""#, "", false),
    (#"header :contains ["x", "subject"] ["nothing", "PRESENT"]"#, "", true),
    (#"header :matches "subject" "I * a ?resent*""#, "", true),
    (#"header :matches "subject" "I * a ?present*""#, "", false),
    (#"address :domain "from" "desert.example""#, "", true), (#"address :localpart "from" "COYOTE""#, "", true),
    (#"address :user "to" "roadrunner""#, "subaddress", true), (#"address :detail "to" "fast""#, "subaddress", true),
    (#"envelope "from" "coyote@desert.example""#, "envelope", true), (#"exists ["from", "x-none"]"#, "", false),
    (#"exists "from""#, "", true), (#"size :over 999"#, "", true), (#"size :under 1K"#, "", true),
    (#"size :over 1M"#, "", false), (#"not true"#, "", false), (#"allof (true, false)"#, "", false),
    (#"anyof (false, true)"#, "", true), (#"body :contains "FRIEND""#, "body", true),
    (#"body :raw :contains "TG9v""#, "body", true), (#"header :count "ge" "received" "3""#, "relational", true),
    (#"header :value "gt" :comparator "i;ascii-numeric" "x-count" "6""#, "relational comparator-i;ascii-numeric", true),
    (#"header :index 2 "received" "two""#, "index", true),
    (#"header :index 1 :last "received" "three""#, "index", true),
    (#"mailboxexists "Work""#, "mailbox", true), (#"mailboxexists ["Work", "Play"]"#, "mailbox", false),
    (#"date :zone "+0000" "date" "hour" "17""#, "date", true), (#"currentdate "year" "2027""#, "date", true),
    (#"currentdate "weekday" "5""#, "date", true), (#"date "date" "date" "1997-04-01""#, "date", true),
  ])
  func tests(_ test: String, _ require: String, _ wanted: Bool) throws {
    #expect(try holds(test, require: require) == wanted, "\(test)")
  }

  @Test func actionsAreCollected() throws {
    let script = """
      require ["fileinto", "copy", "imap4flags", "reject", "mailbox"];
      if header :contains "subject" "present" {
        addflag "\\\\Flagged gift";
        fileinto :copy "Work";
        redirect :copy "acme@other.example";
      } elsif true { discard; } else { reject "no"; }
      """
    #expect(
      try run(script) == [
        .file(mailbox: "Work", flags: ["\\Flagged", "gift"], creates: false), .redirect(to: "acme@other.example"),
        .keep(flags: ["\\Flagged", "gift"]),
      ])
    #expect(
      try run(#"require ["fileinto","mailbox","imap4flags"]; fileinto :create :flags "\\Seen" "New";"#) == [
        .file(mailbox: "New", flags: ["\\Seen"], creates: true)
      ])
    #expect(try run("require \"reject\"; reject text:\nno\n..more\n.\n;") == [.reject(reason: "no\r\n.more\r\n")])
  }

  @Test func variablesAreExpanded() throws {
    let script = """
      require ["variables", "fileinto"];
      set "dir" "Lists";
      if header :matches "subject" "* have a * for *" {
        set :upperfirst :lower "what" "${2}";
        fileinto "${dir}/${what}/${3}${none}${x";
      }
      """
    #expect(try run(script) == [.file(mailbox: "Lists/Present/you${x", flags: [], creates: false)])
    #expect(
      try run(#"require ["variables","fileinto"]; set :length "n" "äbc"; fileinto "${n}";"#)
        == [.file(mailbox: "3", flags: [], creates: false)])
  }

  @Test func vacationHasItsDefaults() throws {
    let actions = try run(#"require "vacation"; vacation :days 3 :subject "Away" :addresses ["a@b.c"] "Gone";"#)
    guard case .vacation(let vacation) = actions.first else {
      Issue.record("no vacation")
      return
    }
    #expect(vacation.seconds == 3 * 86_400 && vacation.subject == "Away" && vacation.addresses == ["a@b.c"])
    #expect(vacation.reason == "Gone" && actions.last == .keep(flags: []))
  }

  @Test(arguments: [
    "keep", "keep;}", "nonsense;", "if true", "if true { keep; ", "fileinto \"x\";", "require \"warp\";",
    "keep; require \"fileinto\";", "require \"fileinto\"; fileinto;", "require \"fileinto\"; fileinto \"a\" \"b\";",
    "redirect 5;", "if size 5 { }", "if size :over \"5\" { }", "if header \"a\" { }", "if not { }", "else { }",
    "\"string\";", "keep \"unfinished", "/* never ends", "text: x", "if header :comparator \"i;x\" \"a\" \"b\" {}",
    "redirect \"a\" { }", "if true, false { }", "redirect [\"a\" \"b\"];", "size 99999999999999999999;",
    "if header :count \"ge\" \"a\" \"1\" { }", "\u{0}", "redirect \"\u{0}\";",
  ])
  func faultsAreFound(_ script: String) { #expect(throws: SieveScript.Fault.self) { try SieveScript(script) } }

  @Test func depthAndSizeAreBounded() {
    let deep = String(repeating: "if true { ", count: 1000) + String(repeating: "}", count: 1000)
    #expect(throws: SieveScript.Fault.self) { try SieveScript(deep) }
    let nots = "if " + String(repeating: "not ", count: 100_000) + "true {}"
    #expect(throws: SieveScript.Fault.self) { try SieveScript(nots) }
    #expect(throws: SieveScript.Fault.self) { try SieveScript(String(repeating: "keep;", count: 100_000)) }
  }

  @Test func wildcardsCostNoMoreThanTheyShould() throws {
    var message = TestMessage()
    message.fields["subject"] = [String(repeating: "a", count: 10_000)]
    let pattern = String(repeating: "*a", count: 200) + "b"
    #expect(try run("if header :matches \"subject\" \"\(pattern)\" { discard; }", message) == [.keep(flags: [])])
  }
}
