import IMAPCore
import IMAPKit
import Testing

private func message(_ subject: String, _ body: String = "text", from: String = "ann@lab.test") -> String {
  "From: \(from)\r\nSubject: \(subject)\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\n\(body)\r\n"
}

/// Searches that go on, that are loose, stored, limited, or of many mailboxes.
@Suite struct SearchExtensionTests {
  // MARK: CONTEXT (RFC 5267)

  @Test func searchesGoOn() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server, enabling: "IMAP4rev2")
    let two = try await TestIMAPClient.open(server)
    try await one.append(message("a"), "(\\Flagged)")
    try await one.append(message("b"))
    try await two.expectOK("NOOP")
    try await one.send("B01 UID SEARCH RETURN (UPDATE COUNT) FLAGGED\r\n")
    #expect(try await one.answer("B01").untagged == ["* ESEARCH (TAG \"B01\") UID COUNT 1"])
    try await one.send("B02 SEARCH RETURN (UPDATE ALL) FLAGGED\r\n")
    #expect(try await one.answer("B02").untagged == ["* ESEARCH (TAG \"B02\") ALL 1"])
    try await two.expectOK("STORE 2 +FLAGS (\\Flagged)")
    #expect(
      try await one.expectOK("NOOP").untagged == [
        "* 2 FETCH (UID 2 FLAGS (\\Flagged))", "* ESEARCH (TAG \"B01\") UID ADDTO (0 2)",
        "* ESEARCH (TAG \"B02\") ADDTO (0 2)",
      ])
    // What its own session does counts as well.
    let own = try await one.expectOK("STORE 1 -FLAGS (\\Flagged)").untagged
    #expect(own.contains("* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 1)"))
    // A message that goes leaves the result while its number still stands.
    try await two.expectOK("STORE 2 +FLAGS.SILENT (\\Deleted)")
    try await two.expectOK("EXPUNGE")
    let gone = try await one.expectOK("NOOP").untagged
    #expect(
      gone == [
        "* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 2)", "* ESEARCH (TAG \"B02\") REMOVEFROM (0 2)", "* 2 EXPUNGE",
      ])
    try await one.send("B01 UID SEARCH RETURN (UPDATE COUNT) DELETED\r\n")
    #expect(try await one.answer("B01").completion.hasPrefix("BAD"))
    try await one.expectOK("CANCELUPDATE \"B01\" \"B02\"")
    try await two.append(message("c"), "(\\Flagged)")
    #expect(try await one.expectOK("NOOP").lines("ESEARCH").isEmpty)
  }

  @Test func sortedResultsKeepTheirOrder() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server, enabling: "IMAP4rev2")
    for subject in ["delta", "bravo", "foxtrot"] { try await one.append(message(subject)) }
    try await one.send("C01 UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED\r\n")
    #expect(try await one.answer("C01").untagged == ["* ESEARCH (TAG \"C01\") UID ALL 2,1,3"])
    let two = try await TestIMAPClient.open(server)
    try await two.append(message("charlie"))
    #expect(try await one.expectOK("NOOP").lines("ESEARCH") == ["* ESEARCH (TAG \"C01\") UID ADDTO (2 4)"])
    try await two.expectOK("STORE 2 +FLAGS (\\Deleted)")
    #expect(try await one.expectOK("NOOP").lines("ESEARCH") == ["* ESEARCH (TAG \"C01\") UID REMOVEFROM (1 2)"])
    try await two.expectOK("STORE 2 -FLAGS (\\Deleted)")
    #expect(try await one.expectOK("NOOP").lines("ESEARCH") == ["* ESEARCH (TAG \"C01\") UID ADDTO (1 2)"])
  }

  @Test func newMessagesAreTold() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server, enabling: "IMAP4rev2")
    let two = try await TestIMAPClient.open(server)
    try await one.expectOK("UID SEARCH RETURN (UPDATE (UID FLAGS)) FROM boss")
    try await two.append(message("x", from: "boss@lab.test"))
    try await two.append(message("y"))
    let told = try await one.expectOK("NOOP").untagged
    #expect(told == ["* 2 EXISTS", "* 1 FETCH (UID 1 FLAGS ())", "* ESEARCH (TAG \"t4\") UID ADDTO (0 1)"])
  }

  @Test func contextsAreBounded() async throws {
    var limits = IMAPLimits()
    limits.contexts = 2
    let server = try await TestMailServer(limits: limits)
    let client = try await TestIMAPClient.open(server)
    for _ in 0..<2 { #expect(try await client.expectOK("SEARCH RETURN (UPDATE COUNT) ALL").lines("NOUPDATE").isEmpty) }
    let refused = try await client.expectOK("SEARCH RETURN (UPDATE COUNT) ALL")
    #expect(refused.lines("* NO [NOUPDATE \"t").count == 1 && refused.lines("ESEARCH").count == 1)
    // Another mailbox, and they are over.
    try await client.expectOK("SELECT Archive")
    #expect(try await client.expectOK("SEARCH RETURN (UPDATE COUNT) ALL").lines("NOUPDATE").isEmpty)
  }

  // MARK: MULTISEARCH (RFC 7377)

  @Test func manyMailboxes() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server, "ann", nil)
    for name in ["Lists", "Lists/a", "Lists/a/deep"] { try await client.expectOK("CREATE \(name)") }
    for name in ["INBOX", "Lists", "Lists/a/deep"] { try await client.append(message("needle"), to: name) }
    try await client.append(message("hay"), to: "Lists/a")
    #expect(try await client.command("ESEARCH UNSEEN").completion.hasPrefix("BAD"))
    let all = try await client.expectOK("ESEARCH IN (personal) SUBJECT needle")
    #expect(all.untagged.count == 3)
    #expect(all.untagged.first?.hasPrefix("* ESEARCH (TAG \"t") == true)
    #expect(all.lines("MAILBOX INBOX UIDVALIDITY ").first?.hasSuffix(") UID ALL 1") == true)
    #expect(try await client.expectOK("ESEARCH IN (subtree Lists) RETURN (COUNT) SUBJECT needle").untagged.count == 2)
    #expect(try await client.expectOK("ESEARCH IN (subtree-one Lists) ALL").untagged.count == 2)
    #expect(try await client.expectOK("ESEARCH IN (mailboxes (INBOX Lists/a)) 1:100").untagged.count == 2)
    #expect(try await client.expectOK("ESEARCH IN (mailboxes Missing) ALL").untagged == [])
    #expect(try await client.command("ESEARCH IN (personal) RETURN (SAVE) ALL").completion.hasPrefix("BAD"))
    try await client.expectOK("SELECT INBOX")
    #expect(try await client.expectOK("ESEARCH SUBJECT needle").lines("MAILBOX INBOX").count == 1)
    #expect(try await client.expectOK("ESEARCH IN (selected mailboxes Lists) SUBJECT needle").untagged.count == 2)
  }

  @Test func othersMailboxesOnlyByRight() async throws {
    let server = try await TestMailServer()
    let bob = try await TestIMAPClient.open(server, "bob", nil)
    try await bob.append(message("secret"), to: "INBOX")
    let ann = try await TestIMAPClient.open(server, "ann", nil)
    let search = "ESEARCH IN (mailboxes #user/bob@lab.test/INBOX) ALL"
    #expect(try await ann.expectOK(search).untagged == [])
    try await bob.expectOK("SETACL INBOX ann@lab.test l")
    #expect(try await ann.expectOK(search).untagged == [])
    try await bob.expectOK("SETACL INBOX ann@lab.test lr")
    #expect(try await ann.expectOK(search).untagged.count == 1)
  }

  // MARK: FILTERS (RFC 5466)

  @Test func storedFilters() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    for subject in ["alpha", "beta", "gamma"] { try await client.append(message(subject)) }
    try await client.expectOK("SETMETADATA \"\" (/private/filters/values/greek \"OR SUBJECT alpha SUBJECT gamma\")")
    #expect(try await client.expectOK("SEARCH FILTER greek").untagged == ["* SEARCH 1 3"])
    #expect(try await client.expectOK("SEARCH NOT FILTER GREEK").untagged == ["* SEARCH 2"])
    try await client.expectOK("SETMETADATA \"\" (/shared/filters/values/last \"FILTER greek 2:*\")")
    #expect(try await client.expectOK("SEARCH FILTER last").untagged == ["* SEARCH 3"])
    #expect(try await client.command("SEARCH FILTER none").completion.hasPrefix("NO [UNDEFINED-FILTER none]"))
    try await client.expectOK("SETMETADATA \"\" (/private/filters/values/loop \"FILTER loop\")")
    #expect(try await client.command("SEARCH FILTER loop").completion.hasPrefix("NO [UNDEFINED-FILTER loop]"))
    let broken = try await client.command("SETMETADATA \"\" (/private/filters/values/x \"OR SMALLER\")")
    #expect(broken.completion.hasPrefix("NO"))
  }

  // MARK: FUZZY (RFC 6203)

  @Test func looseMatches() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    for (subject, body) in [
      ("IMAP is broken", "text"), ("hello world", "x"), ("Grüße aus Köln", "y"), ("nothing", "say hello there"),
      ("unrelated", "z"),
    ] { try await client.append(message(subject, body)) }
    for (query, expected) in [
      ("FUZZY SUBJECT \"IMAP broke\"", " 1"), ("FUZZY TEXT helo", " 2 4"), ("FUZZY SUBJECT grusse", " 3"),
      ("SUBJECT grusse", ""), ("FUZZY (SUBJECT wrld FROM ann)", " 2"), ("NOT FUZZY TEXT helo", " 1 3 5"),
    ] {
      let found = try await client.expectOK("SEARCH \(query)").untagged
      #expect(found == ["* SEARCH\(expected)"], "\(query)")
    }
    let scored = try await client.expectOK("SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT hello")
    #expect(scored.untagged.first?.hasSuffix(" ALL 2,4 RELEVANCY (100 100)") == true)
    let sorted = try await client.expectOK("SORT RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT helo")
    #expect(sorted.untagged.first?.contains(" ALL 2,4 RELEVANCY (59 47)") == true, "\(sorted.untagged)")
    #expect(try await client.command("SEARCH RETURN (RELEVANCY) SUBJECT x").completion.hasPrefix("BAD"))
    #expect(try await client.command("SORT (RELEVANCY) UTF-8 ALL").completion.hasPrefix("BAD"))
  }

  // MARK: UIDBATCHES (RFC 10022) and MESSAGELIMIT (RFC 9738)

  @Test func batches() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    #expect(try await client.expectOK("UIDBATCHES 500").untagged == ["* UIDBATCHES (TAG \"t3\")"])
    let many = (0..<1200).map { _ in "{5+}\r\na:b\r\n" }.joined(separator: " ")
    try await client.expectOK("APPEND INBOX \(many)")
    try await client.expectOK("STORE 1,701 +FLAGS.SILENT (\\Deleted)")
    try await client.expectOK("EXPUNGE")
    #expect(
      try await client.expectOK("UIDBATCHES 500").untagged.first?.hasSuffix(") 1200:700,699:200,199:1") == true)
    #expect(try await client.expectOK("UIDBATCHES 500 2:2").untagged.first?.hasSuffix(") 699:200") == true)
    #expect(try await client.expectOK("UIDBATCHES 500 9:10").untagged.first?.hasSuffix("\")") == true)
    #expect(try await client.command("UIDBATCHES 499").completion.hasPrefix("NO [TOOFEW]"))
    #expect(try await client.command("UIDBATCHES 500 3:2").completion.hasPrefix("BAD [CLIENTBUG]"))
    #expect(try await client.command("UIDBATCHES 500 1:4000000").completion.hasPrefix("NO [TOOMANY]"))
  }

  @Test func limitedCommands() async throws {
    var limits = IMAPLimits()
    limits.messagesOfCommand = 2
    let server = try await TestMailServer(limits: limits)
    let client = try await TestIMAPClient.open(server, enabling: "IMAP4rev2")
    for number in 0..<4 { try await client.append(message("\(number)")) }
    #expect(try await client.expectOK("CAPABILITY").untagged.first?.contains(" MESSAGELIMIT=2") == true)
    let fetched = try await client.expectOK("FETCH 1:* UID")
    #expect(fetched.untagged == ["* 4 FETCH (UID 4)", "* 3 FETCH (UID 3)"])
    #expect(fetched.completion.hasPrefix("OK [MESSAGELIMIT 2 3]"))
    let searched = try await client.expectOK("UID SEARCH ALL")
    #expect(searched.untagged.first?.hasSuffix(" UID ALL 3:4") == true)
    #expect(searched.completion.hasPrefix("OK [MESSAGELIMIT 2 3]"))
    #expect(try await client.expectOK("UID SEARCH UIDBEFORE 3").untagged.first?.hasSuffix(" UID ALL 1:2") == true)
    #expect(try await client.expectOK("UID SEARCH UIDAFTER 2 UIDBEFORE 4").untagged.first?.hasSuffix(" ALL 3") == true)
    #expect(try await client.expectOK("STORE 1:3 +FLAGS.SILENT (\\Seen)").completion.hasPrefix("OK [MESSAGELIMIT 2 2]"))
    #expect(try await client.expectOK("UID FETCH 1:2 FLAGS").untagged.contains("* 1 FETCH (UID 1 FLAGS ())"))
    #expect(try await client.command("COPY 1:3 Archive").completion.hasPrefix("NO [MESSAGELIMIT 2 2]"))
    #expect(try await client.command("SORT (DATE) UTF-8 ALL").completion.hasPrefix("NO [MESSAGELIMIT 2]"))
    let many = Array(repeating: "{5+}\r\na:b\r\n", count: 3).joined(separator: " ")
    #expect(try await client.command("APPEND INBOX \(many)").completion.hasPrefix("NO [MESSAGELIMIT 2]"))
    #expect(try await client.expectOK("MOVE 1:3 Archive").completion.hasPrefix("OK [MESSAGELIMIT 2 2]"))
    #expect(try await client.expectOK("UID SEARCH ALL").untagged.first?.hasSuffix(" UID ALL 1,4") == true)
  }

  // MARK: URLAUTH (RFC 4467)

  @Test func urlsThatCarryTheirPermission() async throws {
    let server = try await TestMailServer()
    let ann = try await TestIMAPClient.open(server)
    try await ann.append(message("for bob", "Si vis pacem, para bellum."))
    let base = "imap://ann%40lab.test@mail.lab.test/INBOX/;UID=1/;SECTION=TEXT"
    func make(_ access: String) async throws -> String {
      let answer = try await ann.expectOK("GENURLAUTH \"\(base);URLAUTH=\(access)\" INTERNAL")
      let line = try #require(answer.untagged.first)
      return String(line.dropFirst("* GENURLAUTH \"".count).dropLast())
    }
    let url = try await make("user+bob%40lab.test")
    #expect(url.hasPrefix("\(base);URLAUTH=user+bob%40lab.test:internal:01"))
    let bob = try await TestIMAPClient.open(server, "bob", nil)
    let root = try await TestIMAPClient.open(server, "root", nil)
    #expect(
      try await bob.expectOK("URLFETCH \"\(url)\"").untagged == [
        "* URLFETCH \"\(url)\" {28}Si vis pacem, para bellum.\r\n"
      ])
    #expect(try await root.expectOK("URLFETCH \"\(url)\"").untagged == ["* URLFETCH \"\(url)\" NIL"])
    // Not with another part, nor with a token that is made up, nor without one.
    let other = url.replacing(";SECTION=TEXT", with: "")
    #expect(try await bob.expectOK("URLFETCH \"\(other)\"").untagged.first?.hasSuffix(" NIL") == true)
    let forged = String(url.dropLast()) + (url.last == "0" ? "1" : "0")
    #expect(try await bob.expectOK("URLFETCH \"\(forged)\"").untagged.first?.hasSuffix(" NIL") == true)
    #expect(try await bob.expectOK("URLFETCH \"\(base)\"").untagged.first?.hasSuffix(" NIL") == true)
    // Anybody who is logged in; and a part of it; and one whose time is over.
    let all = try await make("authuser")
    #expect(try await root.expectOK("URLFETCH \"\(all)\"").untagged.first?.hasSuffix(" NIL") == false)
    let old = "\(base);EXPIRE=2001-01-01T00:00:00Z;URLAUTH=authuser"
    let answer = try await ann.expectOK("GENURLAUTH \"\(old)\" INTERNAL")
    let expired = String(try #require(answer.untagged.first).dropFirst("* GENURLAUTH \"".count).dropLast())
    #expect(try await bob.expectOK("URLFETCH \"\(expired)\"").untagged.first?.hasSuffix(" NIL") == true)
    // A message made of it.
    let catenated = try await bob.expectOK("APPEND INBOX CATENATE (TEXT {8+}\r\nX: y\r\n\r\n URL \"\(url)\")")
    #expect(catenated.completion.contains("APPENDUID"))
    // What others may not do in one's name.
    #expect(try await bob.command("GENURLAUTH \"\(base);URLAUTH=authuser\" INTERNAL").completion.hasPrefix("BAD"))
    #expect(try await ann.expectOK("GETMETADATA (DEPTH infinity) INBOX /private/vendor").untagged == [])
    try await ann.expectOK("RESETKEY INBOX")
    #expect(try await bob.expectOK("URLFETCH \"\(url)\"").untagged.first?.hasSuffix(" NIL") == true)
    #expect(try await bob.expectOK("URLFETCH \"imap://nobody@x/INBOX/;UID=1;URLAUTH=authuser:internal:01\"").isOK)
  }

  @Test func partsOfURLs() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    try await client.append(message("part", "0123456789"))
    try await client.expectOK(
      "APPEND INBOX CATENATE (TEXT {8+}\r\nX: y\r\n\r\n URL \"/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=2.5\")")
    #expect(try await client.expectOK("FETCH 2 BODY.PEEK[TEXT]").untagged.first?.contains("{5}23456") == true)
  }
}
