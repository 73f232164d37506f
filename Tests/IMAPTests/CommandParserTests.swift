import IMAPCore
import Testing

/// Reads a command as a session does.
private func parse(_ text: String, isUTF8: Bool = false) throws -> Command {
  let bytes = Array(text.utf8)
  let head = try CommandParser.head(of: bytes)
  let verb = try #require(Verb.table[head.verb])
  return try CommandParser(isUTF8: isUTF8).command(verb, in: bytes, at: head.argumentsOffset)
}

@Suite struct CommandParserTests {
  @Test func logIn() throws {
    #expect(
      try parse("a LOGIN \"an\\\"n\" {6}\r\nse]cre")
        == .logIn(name: Array("an\"n".utf8), password: Array("se]cre".utf8)))
    #expect(try parse("a login ann se]cret") == .logIn(name: Array("ann".utf8), password: Array("se]cret".utf8)))
  }

  @Test func fetch() throws {
    let all = SequenceSet([.init(.number(1), .largest)])
    #expect(
      try parse("a FETCH 1:* (FLAGS UID BODY.PEEK[1.2.HEADER.FIELDS (From \"To\")]<0.100>)")
        == .fetch(
          all,
          [
            .flags, .uid,
            .section(
              FetchSection(
                part: [1, 2], specifier: .headerFields(["From", "To"]), partial: .init(offset: 0, count: 100),
                isPeek: true)),
          ], FetchModifiers(), byUID: false))
    var modifiers = FetchModifiers()
    modifiers.changedSince = 12
    modifiers.vanished = true
    #expect(
      try parse("a UID FETCH 1:* FAST (CHANGEDSINCE 12 VANISHED)")
        == .fetch(all, [.flags, .internalDate, .size], modifiers, byUID: true))
    #expect(
      try parse("a FETCH $ (BINARY[1.1] BINARY.SIZE[2] BODY[] RFC822.HEADER PREVIEW (LAZY))")
        == .fetch(
          .savedResult,
          [
            .section(FetchSection(form: .binary, part: [1, 1])), .binarySize([2]), .section(FetchSection()),
            .section(FetchSection(form: .rfc822, specifier: .header, isPeek: true)), .preview(isLazy: true),
          ], FetchModifiers(), byUID: false))
  }

  @Test func store() throws {
    let one = SequenceSet([.init(.number(1), .number(1))])
    #expect(
      try parse("a STORE 1 (UNCHANGEDSINCE 7) -FLAGS.SILENT (\\seen $Junk)")
        == .store(
          one, StoreArguments(mode: .remove, flags: [.seen, Flag("$Junk")], isSilent: true, unchangedSince: 7),
          byUID: false))
    #expect(
      try parse("a UID STORE 1 FLAGS \\Deleted \\Flagged")
        == .store(
          one, StoreArguments(mode: .replace, flags: [.deleted, .flagged], isSilent: false, unchangedSince: nil),
          byUID: true))
  }

  @Test func search() throws {
    guard
      case .search(let query, byUID: true) = try parse(
        "a UID SEARCH RETURN (MIN COUNT SAVE) CHARSET UTF-8 OR (FROM \"ann\" UNSEEN) NOT 1:3 SINCE 1-Feb-1994 MODSEQ 5")
    else {
      Issue.record("no search")
      return
    }
    #expect(query.returns?.minimum == true && query.returns?.count == true && query.returns?.save == true)
    #expect(query.unknownCharset == nil)
    let day = try #require(CalendarDay(year: 1994, month: 2, day: 1))
    #expect(
      query.key
        == .and([
          .or(
            .and([.header("FROM", Array("ann".utf8)), .flag(.seen, false)]),
            .not(.sequence(SequenceSet([.init(.number(1), .number(3))])))), .day(.stored, .since, day), .modSequence(5),
        ]))
    #expect(query.key.mentionsModSequence)
  }

  @Test func lists() throws {
    var arguments = ListArguments()
    arguments.isExtended = true
    arguments.selectSubscribed = true
    arguments.returnSubscribed = true
    arguments.recursiveMatch = true
    arguments.patterns = [Array("INBOX".utf8), Array("a/%".utf8)]
    arguments.returnStatus = [.messages, .unseen]
    #expect(
      try parse("a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (INBOX \"a/%\") RETURN (STATUS (MESSAGES UNSEEN))")
        == .list(arguments))
  }

  @Test func mailboxNames() throws {
    #expect(try parse("a CREATE \"Entw&APw-rfe\"") == .create(MailboxName("Entwürfe"), specialUse: []))
    #expect(try parse("a CREATE \"Entwürfe\"", isUTF8: true) == .create(MailboxName("Entwürfe"), specialUse: []))
    #expect(try parse("a CREATE x (USE (\\Sent))") == .create(MailboxName("x"), specialUse: ["\\Sent"]))
  }

  /// Each is refused, and none does harm.
  @Test(arguments: [
    "a FETCH 0 FLAGS", "a FETCH 4294967296 FLAGS", "a FETCH 1:  FLAGS", "a FETCH 1 (FLAGS", "a FETCH 1 BODY[1.]",
    "a FETCH 1 BODY[1..2]", "a FETCH 1 BODY[]<5>", "a FETCH 1 BODY[MIME]", "a FETCH 1 BODY[HEADER.FIELDS ()]",
    "a FETCH 1 (ALL)", "a FETCH 1 BODY[99999999999999999999]", "a STORE 1 FLAGS (\\Recent)",
    "a STORE 1 FLAGS (\\Bogus)",
    "a SEARCH", "a SEARCH (ALL", "a SEARCH NOT", "a SEARCH SINCE 31-Feb-2000", "a SEARCH RETURN (ALL PARTIAL 1:2) ALL",
    "a SORT () UTF-8 ALL", "a SORT (REVERSE) UTF-8 ALL", "a LOGIN \"a b", "a LOGIN a \"\\x\"", "a LOGIN {3}\r\nab",
    "a LOGIN a", "a LOGIN a b c", "a SELECT", "a SELECT \"a\u{1}b\"", "a LIST (RECURSIVEMATCH) \"\" *", "a NOOP x",
    "a GETMETADATA \"\" comment", "a UID FETCH 1 FLAGS (VANISHED)", "a APPENDX",
  ])
  func malformed(_ text: String) { #expect(throws: (any Error).self) { try parse(text) } }

  @Test func depthIsBounded() {
    for count in [33, 100_000] {
      let nested = "a SEARCH " + String(repeating: "(", count: count) + "ALL" + String(repeating: ")", count: count)
      #expect(throws: CommandSyntaxError.self) { try parse(nested) }
      #expect(throws: CommandSyntaxError.self) {
        try parse("a SEARCH " + String(repeating: "NOT ", count: count) + "ALL")
      }
      #expect(throws: CommandSyntaxError.self) {
        try parse("a SEARCH " + String(repeating: "OR ALL ", count: count) + "ALL")
      }
    }
    #expect(throws: CommandSyntaxError.self) { try parse("a SEARCH" + String(repeating: " ALL", count: 1001)) }
  }
}
