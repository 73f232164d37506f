import IMAPKit
import Testing

private let sample =
  "From: Ann <ann@lab.test>\r\nTo: bob@lab.test\r\nSubject: Lunch\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
  + "Message-ID: <1@lab.test>\r\n\r\nAre you hungry?\r\n"

/// Commands against a server with a store in memory, over loopback.
@Suite struct MailboxTests {
  @Test func appendAndFetch() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    let appended = try await client.append(sample, "(\\Seen $Work) \" 7-Feb-1994 21:52:25 -0800\"")
    #expect(appended.completion.contains("APPENDUID"))
    #expect(appended.lines("EXISTS") == ["* 1 EXISTS"])
    let answer = try await client.expectOK(
      "FETCH 1 (FLAGS RFC822.SIZE INTERNALDATE BODY[HEADER.FIELDS (SUBJECT)] BODY[TEXT]<4.3>)")
    let row = try #require(answer.lines("FETCH").first)
    #expect(row.contains("FLAGS (\\Seen $Work"))
    #expect(row.contains("RFC822.SIZE \(sample.utf8.count)"))
    #expect(row.contains("INTERNALDATE \" 8-Feb-1994 05:52:25 +0000\""))
    #expect(row.contains("BODY[HEADER.FIELDS (SUBJECT)] {18}Subject: Lunch\r\n\r\n"))
    #expect(row.contains("BODY[TEXT]<4> {3}you"))
  }

  @Test func severalMessagesAtOnceAllOrNothing() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    let answer = try await client.expectOK("APPEND INBOX {3+}\r\na\r\n (\\Seen) {3+}\r\nb\r\n {4+}\r\nc:d\n")
    #expect(answer.completion.contains(" 1:3]"))
    let refused = try await client.command("APPEND INBOX {3+}\r\na\r\n {0+}\r\n")
    #expect(refused.completion.hasPrefix("NO"))
    #expect(try await client.expectOK("STATUS INBOX (MESSAGES)").lines("STATUS") == ["* STATUS INBOX (MESSAGES 3)"])
    #expect(try await client.command("APPEND Nowhere {1}\r\n").completion.hasPrefix("NO [TRYCREATE]"))
  }

  @Test func catenate() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    try await client.append(sample)
    let answer = try await client.expectOK(
      "APPEND INBOX CATENATE (URL \"/INBOX;UID=1/;SECTION=HEADER\" TEXT {5+}\r\nNew\r\n)")
    #expect(answer.completion.contains("APPENDUID"))
    let row = try await client.expectOK("FETCH 2 BODY.PEEK[]").lines("FETCH").first
    #expect(row?.contains("<1@lab.test>\r\n\r\nNew\r\n") == true)
    let bad = try await client.command("APPEND INBOX CATENATE (URL \"/INBOX;UID=9\" TEXT {2+}\r\nx\n)")
    #expect(bad.completion.hasPrefix("NO [BADURL \"/INBOX;UID=9\"]"))
    #expect(try await client.command("NOOP").isOK)
  }

  @Test func expungesWaitForTheirMoment() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server)
    for _ in 0..<3 { try await one.append(sample) }
    let two = try await TestIMAPClient.open(server)
    try await one.expectOK("STORE 2 +FLAGS.SILENT (\\Deleted)")
    #expect(try await one.expectOK("EXPUNGE").untagged == ["* 2 EXPUNGE"])
    try await one.append(sample)
    // By sequence numbers: not while FETCH, STORE and SEARCH answer, and the numbers mean what they meant.
    let fetched = try await two.expectOK("FETCH 3 UID")
    #expect(fetched.untagged.first == "* 3 FETCH (UID 3)")
    #expect(!fetched.untagged.contains { $0.hasSuffix("EXPUNGE") || $0.hasSuffix("EXISTS") })
    #expect(try await two.expectOK("SEARCH ALL").untagged == ["* SEARCH 1 2 3"])
    #expect(
      try await two.expectOK("FETCH 2 BODY.PEEK[HEADER.FIELDS (SUBJECT)]").untagged.first?.contains("Lunch") == true)
    let news = try await two.expectOK("NOOP").untagged
    #expect(news.first == "* 2 EXPUNGE")
    #expect(news.contains("* 3 EXISTS"))
    #expect(try await two.expectOK("UID SEARCH ALL").untagged == ["* SEARCH 1 3 4"])
  }

  @Test func flagsReachOtherSessions() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server)
    try await one.append(sample)
    let two = try await TestIMAPClient.open(server)
    try await two.send("i IDLE\r\n")
    #expect(try await two.line() == "+ idling")
    #expect(
      try await one.expectOK("STORE 1 FLAGS (\\Flagged $Todo)").untagged.last
        == "* 1 FETCH (FLAGS (\\Flagged \\Recent $Todo))")
    var told: [String] = []
    while told.last?.contains("FETCH") != true { told.append(try await two.line()) }
    #expect(told.last == "* 1 FETCH (UID 1 FLAGS (\\Flagged $Todo))")
    #expect(told.contains { $0.hasPrefix("* FLAGS") && $0.contains("$Todo") })
    try await two.send("DONE\r\n")
    #expect(try await two.answer("i").isOK)
  }

  @Test func searches() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    try await client.append(sample)
    try await client.append("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nFrom: x@y.test\r\n\r\nnichts\r\n", "(\\Seen)")
    for (query, expected) in [
      ("UNSEEN", " 1"), ("SUBJECT lun", " 1"), ("TEXT hungry", " 1"), ("BODY lunch", ""), ("FROM ann", " 1"),
      ("SUBJECT {7+}\r\ngrüße", " 2"), ("OR SEEN 1", " 1 2"), ("NOT SEEN", " 1"), ("SENTON 7-Feb-1994", " 1"),
      ("HEADER Message-ID \"\"", " 1"), ("HEADER MESSAGE-ID <1@", " 1"), ("LARGER 100", " 1"), ("YOUNGER 3600", " 1 2"),
      ("OLDER 3600", ""), ("UID 2:*", " 2"), ("KEYWORD nope", ""), ("1:* (UNSEEN TEXT hungry)", " 1"),
    ] {
      #expect(try await client.expectOK("SEARCH \(query)").untagged == ["* SEARCH\(expected)"], "\(query)")
    }
    #expect(try await client.command("SEARCH CHARSET KOI8-R ALL").completion.hasPrefix("NO [BADCHARSET"))
    #expect(try await client.command("SEARCH 3").completion.hasPrefix("BAD"))
    let extended = try await client.expectOK("UID SEARCH RETURN (MIN MAX COUNT ALL SAVE) ALL")
    #expect(extended.untagged.first?.hasSuffix(" UID MIN 1 MAX 2 COUNT 2 ALL 1:2") == true)
    #expect(try await client.expectOK("FETCH $ UID").lines("FETCH").count == 2)
    let page = try await client.expectOK("SEARCH RETURN (PARTIAL -1:-1) ALL")
    #expect(page.untagged.first?.hasSuffix(" PARTIAL (-1:-1 2)") == true)
  }

  @Test func sortsAndThreads() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    try await client.append("Subject: b\r\nMessage-ID: <1@x>\r\nDate: 3 Jan 2020 00:00:00 +0000\r\n\r\nx\r\n")
    try await client.append(
      "Subject: Re: b\r\nMessage-ID: <2@x>\r\nReferences: <1@x>\r\nDate: 1 Jan 2020 00:00:00 +0000\r\n\r\nlonger\r\n")
    try await client.append("Subject: a\r\nDate: 2 Jan 2020 00:00:00 +0000\r\n\r\nx\r\n")
    #expect(try await client.expectOK("SORT (SUBJECT REVERSE DATE) UTF-8 ALL").untagged == ["* SORT 3 1 2"])
    #expect(try await client.expectOK("UID SORT (DATE) UTF-8 ALL").untagged == ["* SORT 2 3 1"])
    #expect(try await client.expectOK("THREAD REFERENCES UTF-8 ALL").untagged == ["* THREAD (3)(1 2)"])
    #expect(try await client.expectOK("THREAD ORDEREDSUBJECT UTF-8 ALL").untagged == ["* THREAD (2 1)(3)"])
  }

  @Test func condstoreAndQresync() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server)
    for _ in 0..<4 { try await one.append(sample) }
    let two = try await TestIMAPClient.open(server, "ann", nil, enabling: "QRESYNC")
    let selected = try await two.expectOK("SELECT INBOX")
    func number(_ name: String, _ lines: [String]) -> String {
      let line = lines.first { $0.contains(name) } ?? ""
      return String(line.split(separator: " ").first { $0.last == "]" }?.dropLast() ?? "")
    }
    let validity = number("UIDVALIDITY", selected.untagged)
    let sequence = number("HIGHESTMODSEQ", selected.untagged)
    try await one.expectOK("STORE 1 +FLAGS (\\Flagged)")
    try await one.expectOK("STORE 3 +FLAGS (\\Deleted)")
    try await one.expectOK("EXPUNGE")
    let news = try await two.expectOK("NOOP").untagged
    #expect(news.first == "* VANISHED 3")
    #expect(news.contains { $0.hasPrefix("* 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (") })
    let again = try await two.expectOK("SELECT INBOX (QRESYNC (\(validity) \(sequence) 1:4))")
    #expect(again.lines("VANISHED") == ["* VANISHED (EARLIER) 3"])
    #expect(again.lines(" FETCH ").count == 1)
    #expect(again.untagged.first?.hasPrefix("* OK [CLOSED]") == true)
    let changed = try await two.expectOK("UID FETCH 1:* (FLAGS) (CHANGEDSINCE \(sequence) VANISHED)")
    #expect(changed.lines("VANISHED") == ["* VANISHED (EARLIER) 3"])
    #expect(changed.lines(" FETCH ").count == 1)
    let conflict = try await two.expectOK("STORE 1 (UNCHANGEDSINCE \(sequence)) +FLAGS (\\Seen)")
    #expect(conflict.completion.contains("[MODIFIED 1]"))
  }

  @Test func copyMoveAndReplace() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    for _ in 0..<3 { try await client.append(sample) }
    #expect(try await client.expectOK("COPY 1:2 Archive").completion.contains("[COPYUID "))
    let moved = try await client.expectOK("UID MOVE 2 Trash")
    #expect(moved.untagged.first?.contains("[COPYUID ") == true)
    #expect(moved.untagged.last == "* 2 EXPUNGE")
    #expect(try await client.command("COPY 1 Missing").completion.hasPrefix("NO [TRYCREATE]"))
    let replaced = try await client.expectOK("REPLACE 1 INBOX {6+}\r\na: b\r\n")
    #expect(replaced.untagged.first?.contains("[APPENDUID ") == true)
    #expect(replaced.untagged.contains("* 1 EXPUNGE"))
    #expect(try await client.expectOK("UID SEARCH ALL").untagged == ["* SEARCH 3 4"])
  }

  @Test func othersMailboxesNeedRights() async throws {
    let server = try await TestMailServer()
    let ann = try await TestIMAPClient.open(server)
    try await ann.append(sample)
    let bob = try await TestIMAPClient.open(server, "bob")
    let name = "\"#user/ann@lab.test/INBOX\""
    #expect(try await bob.command("SELECT \(name)").completion.hasPrefix("NO [NONEXISTENT]"))
    try await ann.expectOK("SETACL INBOX bob@lab.test lr")
    #expect(try await bob.expectOK("LIST \"\" \"#user/*\"").untagged.count >= 1)
    #expect(try await bob.expectOK("SELECT \(name)").completion.contains("[READ-ONLY]"))
    #expect(try await bob.expectOK("FETCH 1 BODY[TEXT]").lines("hungry").count == 1)
    #expect(try await bob.command("STORE 1 +FLAGS (\\Deleted)").completion.hasPrefix("NO"))
    #expect(try await bob.command("APPEND \(name) {1}\r\n").completion.hasPrefix("NO [NOPERM]"))
    #expect(try await bob.command("DELETE \(name)").completion.hasPrefix("NO [NOPERM]"))
    #expect(try await bob.command("GETACL \(name)").completion.hasPrefix("NO [NOPERM]"))
    #expect(try await bob.expectOK("MYRIGHTS \(name)").untagged.first?.hasSuffix(" lr") == true)
    // Bob's reading leaves no trace that Ann could see.
    #expect(try await ann.expectOK("STATUS INBOX (UNSEEN)").lines("UNSEEN 1").count == 1)
    try await ann.expectOK("DELETEACL INBOX bob@lab.test")
    #expect(try await bob.command("SELECT \(name)").completion.hasPrefix("NO [NONEXISTENT]"))
  }

  @Test func annotations() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    try await client.expectOK("SETMETADATA INBOX (/private/comment \"mine\" /shared/comment {4+}\r\nours)")
    #expect(
      try await client.expectOK("GETMETADATA (DEPTH infinity) INBOX (/private /shared)").untagged == [
        "* METADATA INBOX (/private/comment \"mine\" /shared/comment \"ours\")"
      ])
    try await client.expectOK("SETMETADATA \"\" (/private/vendor/x NIL)")
    #expect(try await client.command("SETMETADATA INBOX (/comment \"x\")").completion.hasPrefix("BAD"))
  }

  /// A mailbox that is told in parts: more messages than one part has.
  @Test func longAnswersComeInParts() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    for _ in 0..<4 {
      try await client.expectOK("APPEND INBOX" + String(repeating: " {3+}\r\na\r\n", count: 200))
    }
    let rows = try await client.expectOK("FETCH 1:* (UID BODY.PEEK[])").lines("FETCH")
    #expect(rows.count == 800)
    #expect(rows.last?.hasPrefix("* 800 FETCH (UID 800 ") == true)
    let big = String(repeating: "0123456789abcdef", count: 20_000)
    try await client.append("a: b\r\n\r\n" + big)
    let row = try await client.expectOK("FETCH 801 (BODY[] FLAGS)").lines("FETCH").first
    #expect(row?.contains(big) == true)
    #expect(row?.contains("\\Seen") == true)
  }
}
