import MessageCore
import TestKit
import Testing
import WireKit

struct HeaderTests {
  @Test func fieldsKeepTheirPlacesAndLoseTheirFolds() {
    let text = "Subject: one\r\n two\r\nnot a field\r\nX-Odd : a\nTo:\r\n\r\nbody"
    let header = HeaderBlock(Array(text.utf8))
    #expect(header.fields.map(\.name) == ["Subject", "X-Odd", "To"])
    #expect(header.first("SUBJECT")?.text == "one two")
    #expect(header.first("x-odd")?.text == "a")
    #expect(header.first("to")?.text == "")
    #expect(header.fields[0].range == 0..<20)
    #expect(header.byteCount == text.utf8.count - 4)
  }

  @Test(
    arguments: [
      ("ann@lab.test", [Address(mailbox: "ann", host: "lab.test")]),
      (
        "Ann <ann@lab.test>, bob@b.test",
        [
          Address(name: "Ann", mailbox: "ann", host: "lab.test"), Address(mailbox: "bob", host: "b.test"),
        ]
      ),
      ("\"Ann, B.\" <\"a b\"@lab.test>", [Address(name: "Ann, B.", mailbox: "a b", host: "lab.test")]),
      ("ann@lab.test (Ann (the) Elder)", [Address(name: "Ann (the) Elder", mailbox: "ann", host: "lab.test")]),
      (
        "Friends: a@b, C <c@d>;, e@f",
        [
          Address(mailbox: "Friends", host: nil), Address(mailbox: "a", host: "b"),
          Address(name: "C", mailbox: "c", host: "d"), Address(mailbox: nil, host: nil),
          Address(mailbox: "e", host: "f"),
        ]
      ),
      (
        "undisclosed-recipients:;",
        [
          Address(mailbox: "undisclosed-recipients", host: nil), Address(mailbox: nil, host: nil),
        ]
      ),
      ("<@a.test,@b.test:joe@c.test>", [Address(route: "@a.test,@b.test", mailbox: "joe", host: "c.test")]),
      ("John Q. Public <j.q@[192.0.2.1]>", [Address(name: "John Q. Public", mailbox: "j.q", host: "[192.0.2.1]")]),
      ("a . b @ c . test", [Address(mailbox: "a.b", host: "c.test")]),
      ("<>", []), ("", []), (",,", []),
    ] as [(String, [Address])])
  func addresses(_ text: String, _ wanted: [Address]) { #expect(Address.list(text) == wanted) }

  @Test func addressesAreWrittenAgain() {
    #expect(Address(mailbox: "a b", host: "c").addrSpec == "\"a b\"@c")
    #expect(Address(name: "=?utf-8?q?J=C3=B6?=", mailbox: "j", host: "c").displayName == "Jö")
  }

  @Test(arguments: [
    ("Wed, 25 Nov 2026 13:05:05 +0100", 1_795_608_305, 60), ("25 Nov 26 12:05 GMT", 1_795_608_300, 0),
    ("Wed, 25 Nov 2026 07:05:05 (comment) EST", 1_795_608_305, -300), ("Thu, 1 Jan 1970 00:00:00 -0000", 0, 0),
    ("29 Feb 2000 23:59:60 +0000", 951_868_800, 0),
  ])
  func dates(_ text: String, _ seconds: Int64, _ zone: Int) {
    #expect(MessageDate(text) == MessageDate(seconds: seconds, zoneMinutes: zone))
  }

  @Test func datesThatAreNone() {
    for text in ["", "now", "32 Nov 2026 00:00:00", "25 Foo 2026 00:00:00", "25 Nov 2026 24:00:00", "25 Nov 2026"] {
      #expect(MessageDate(text) == nil, "\(text)")
    }
  }

  @Test(arguments: [0, 951_782_400, 1_795_608_305, -1, -86_401, 4_102_444_800])
  func datesAreWrittenAndReadAgain(_ seconds: Int64) {
    for zone in [0, 60, -330] {
      let date = MessageDate(seconds: seconds, zoneMinutes: zone)
      #expect(MessageDate(date.text) == date, "\(date.text)")
    }
  }

  @Test func aDateLooksLikeOne() {
    #expect(MessageDate(seconds: 1_795_608_305).text == "Wed, 25 Nov 2026 12:05:05 +0000")
  }

  @Test(arguments: [
    ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"), ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
    ("=?utf-8?b?w7xtbGF1dA==?=", "ümlaut"), ("=?utf-8?Q?=C3?=\t=?utf-8?Q?=BC?= x", "ü x"), ("=?x?y?z", "=?x?y?z"),
    ("a =?iso-8859-15*de?q?=A4_1?= b", "a € 1 b"), ("=?windows-1252?Q?=93x=94?=", "“x”"),
    ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
    ("=?unknown?Q?abc?=", "abc"),
  ])
  func encodedWords(_ text: String, _ wanted: String) { #expect(EncodedWord.decode(text) == wanted) }

  @Test func encodedWordsAreWrittenAndReadAgain() {
    for text in [
      "plain", "grüße aus dem Büro, mit einem langen Text, der mehr als ein Wort füllt – und noch mehr", "日本語",
    ] {
      let encoded = EncodedWord.encode(text)
      #expect(encoded.split(separator: " ").allSatisfy { $0.utf8.count <= 75 })
      #expect(EncodedWord.decode(encoded) == text)
    }
  }

  @Test func parametersOfEveryKind() {
    let type = ContentType(
      Array(
        "Application/X-Stuff; a=1; title*0*=us-ascii'en'This%20is%20; title*1*=%2A%2A%2Afun; title*2=\" it!\"; name=\"q\\\"x\""
          .utf8))
    #expect(type?.type == "Application")
    #expect(type?.isType("application", "x-stuff") == true)
    #expect(type?.parameters["A"] == "1")
    #expect(type?.parameters["title"] == "This is ***fun it!")
    #expect(type?.parameters["name"] == "q\"x")
    #expect(type?.parameters["none"] == nil)
    let one = ContentDisposition(Array("attachment; filename*=utf-8''n%C3%A4me.txt".utf8))
    #expect(one?.parameters["filename"] == "näme.txt")
    #expect(ContentType(Array("text".utf8)) == nil)
    let bare = ContentType(Array("text/plain (c); charset = utf-8 ; name=My file.txt".utf8))
    #expect(bare?.parameters["charset"] == "utf-8")
    #expect(bare?.parameters["name"] == "My file.txt")
  }

  @Test func parametersAreBounded() {
    let many = "text/plain" + (0..<10_000).map { "; p*\($0)=x" }.joined()
    #expect(ContentType(Array(many.utf8))?.parameters.raw.count == MessageLimits().parameters)
    #expect(ContentType(Array(many.utf8))?.parameters["p"]?.utf8.count == MessageLimits().parameters)
  }

  @Test(arguments: [
    ("Re: hello", "hello", true), ("hello", "hello", false), ("Re: [list] Fwd: hello (fwd)", "hello", true),
    ("[fwd: x y]", "x y", true), ("  a   b ", "a b", false), ("[only]", "[only]", false), ("Re:", "", true),
    ("Re[2]: x", "x", true), ("request: x", "request: x", false),
  ])
  func baseSubjects(_ text: String, _ base: String, _ isReply: Bool) {
    let result = BaseSubject.extract(text)
    #expect(result.base == base)
    #expect(result.isReply == isReply)
  }

  @Test func identifiers() {
    #expect(MessageIdentifiers.parse(Array("<a@b>(x) <c\r\n @d> junk <> <e".utf8)) == ["<a@b>", "<c@d>"])
  }
}
