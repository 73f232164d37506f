import IMAPCore
import IMAPKit
import Testing

private let sample = "From: Ann <ann@lab.test>\r\nSubject: Lunch\r\n\r\nAre you hungry?\r\n"

/// NOTIFY (RFC 5465): told between commands, and of mailboxes that are not selected.
@Suite struct NotifyTests {
  private func next(_ client: TestIMAPClient, _ count: Int = 1) async throws -> [String] {
    var lines: [String] = []
    for _ in 0..<count { lines.append(try await client.line()) }
    return lines
  }

  @Test func selectedMailboxIsToldBetweenCommands() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server, enabling: "IMAP4rev2")
    let two = try await TestIMAPClient.open(server)
    try await one.expectOK(
      "NOTIFY SET (selected (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))")
    try await two.append(sample)
    #expect(
      try await next(one, 2) == [
        "* 1 EXISTS", "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {18}Subject: Lunch\r\n\r\n)",
      ])
    try await two.expectOK("STORE 1 +FLAGS (\\Flagged)")
    #expect(try await next(one) == ["* 1 FETCH (UID 1 FLAGS (\\Flagged))"])
    try await two.expectOK("STORE 1 +FLAGS (\\Deleted)")
    _ = try await next(one)
    try await two.expectOK("EXPUNGE")
    #expect(try await next(one) == ["* 1 EXPUNGE"])
    // Commands go on as ever.
    #expect(try await one.expectOK("STATUS INBOX (MESSAGES)").lines("STATUS") == ["* STATUS INBOX (MESSAGES 0)"])
    try await one.expectOK("NOTIFY NONE")
    try await two.append(sample)
    #expect(try await one.expectOK("NOOP").lines("EXISTS") == ["* 1 EXISTS"])
  }

  @Test func expungesAreDelayedWhereThatIsWanted() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server, enabling: "IMAP4rev2")
    try await one.append(sample)
    try await one.append(sample)
    let two = try await TestIMAPClient.open(server)
    try await one.expectOK("NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))")
    try await two.expectOK("STORE 1 +FLAGS (\\Deleted)")
    #expect(try await next(one) == ["* 1 FETCH (UID 1 FLAGS (\\Deleted))"])
    try await two.expectOK("EXPUNGE")
    try await two.expectOK("STORE 1 +FLAGS (\\Seen)")
    #expect(try await next(one) == ["* 2 FETCH (UID 2 FLAGS (\\Seen))"])
    #expect(try await one.expectOK("NOOP").untagged == ["* 1 EXPUNGE"])
  }

  @Test func otherMailboxesAreToldByStatus() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server, "ann", nil, enabling: "IMAP4rev2")
    let two = try await TestIMAPClient.open(server)
    let answer = try await one.expectOK(
      "NOTIFY SET STATUS (personal (MessageNew MessageExpunge)) (mailboxes INBOX (MessageNew MessageExpunge FlagChange))"
    )
    #expect(answer.lines("STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY").count == 1)
    #expect(answer.lines("STATUS").count == 6)
    try await two.append(sample)
    #expect(try await next(one) == ["* STATUS INBOX (MESSAGES 1 UIDNEXT 2)"])
    try await two.expectOK("STORE 1 +FLAGS (\\Seen)")
    #expect(try await next(one).first?.hasPrefix("* STATUS INBOX (UIDVALIDITY ") == true)
    try await two.expectOK("UID MOVE 1 Archive")
    #expect(
      Set(try await next(one, 2)) == [
        "* STATUS Archive (MESSAGES 1 UIDNEXT 2)", "* STATUS INBOX (MESSAGES 0 UIDNEXT 2)",
      ])
  }

  @Test func mailboxesComeGoAndAreRenamed() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server, "ann", nil, enabling: "IMAP4rev2")
    let two = try await TestIMAPClient.open(server)
    try await one.expectOK(
      "NOTIFY SET (personal (MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))")
    try await two.expectOK("CREATE Work")
    #expect(try await next(one) == ["* LIST (\\HasNoChildren) \"/\" Work"])
    try await two.expectOK("RENAME Work Play")
    #expect(try await next(one) == ["* LIST (\\HasNoChildren) \"/\" Play (OLDNAME (Work))"])
    try await two.expectOK("SUBSCRIBE Play")
    #expect(try await next(one) == ["* LIST (\\HasNoChildren \\Subscribed) \"/\" Play"])
    try await two.expectOK("SETMETADATA Play (/shared/comment \"x\")")
    #expect(try await next(one) == ["* METADATA Play /shared/comment"])
    try await two.expectOK("SETMETADATA \"\" (/private/comment \"x\")")
    #expect(try await next(one) == ["* METADATA \"\" /private/comment"])
    try await two.expectOK("DELETE Play")
    #expect(try await next(one) == ["* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" Play"])
    // What it does itself it need not be told.
    #expect(try await one.expectOK("CREATE Mine").untagged == [])
    // Rights given are, to who gets them, a mailbox that comes.
    let bob = try await TestIMAPClient.open(server, "bob", nil)
    try await bob.expectOK("CREATE Plans")
    try await bob.expectOK("SETACL Plans ann@lab.test lr")
    #expect(try await one.expectOK("LIST \"\" #user/*").lines("Plans").count == 1)
  }

  @Test func itsGrammar() async throws {
    let server = try await TestMailServer()
    let client = try await TestIMAPClient.open(server)
    for text in [
      "NOTIFY", "NOTIFY SET", "NOTIFY SET (selected (MailboxName))", "NOTIFY SET (personal (MessageNew))",
      "NOTIFY SET (personal (FlagChange))", "NOTIFY SET (selected NONE) (selected-delayed NONE)",
      "NOTIFY SET (nowhere (MessageNew MessageExpunge))",
    ] {
      #expect(try await client.command(text).completion.hasPrefix("BAD"), "\(text)")
    }
    let unknown = try await client.command("NOTIFY SET (personal (AnnotationChange))")
    #expect(unknown.completion.hasPrefix("NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName "))
    // The RFC's own example has no parentheses around its events.
    try await client.expectOK(
      "NOTIFY SET STATUS (selected MessageNew (UID) MessageExpunge) (subtree Lists MessageNew MessageExpunge)")
    // Without the selected mailbox among them, nothing is told of it.
    try await client.expectOK("NOTIFY SET (mailboxes Archive (MessageNew MessageExpunge))")
    let other = try await TestIMAPClient.open(server)
    try await other.append(sample)
    #expect(try await client.expectOK("NOOP").untagged == [])
  }

  /// IDLE tells what NOTIFY asked for, and no more.
  @Test func idleTellsTheSame() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server, "ann", nil, enabling: "IMAP4rev2")
    let two = try await TestIMAPClient.open(server)
    try await one.expectOK("NOTIFY SET (mailboxes INBOX (MessageNew MessageExpunge))")
    try await one.send("i IDLE\r\n")
    #expect(try await one.line() == "+ idling")
    try await two.append(sample)
    #expect(try await next(one) == ["* STATUS INBOX (MESSAGES 1 UIDNEXT 2)"])
    try await one.send("DONE\r\n")
    #expect(try await one.answer("i").isOK)
  }
}
