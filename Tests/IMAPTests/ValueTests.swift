import IMAPCore
import Testing

@Suite struct ValueTests {
  @Test(arguments: [
    ("Entwürfe", "Entw&APw-rfe"), ("a&b", "a&-b"), ("台北/日本語", "&U,BTFw-/&ZeVnLIqe-"), ("📬", "&2D3crA-"),
    ("plain", "plain"),
  ])
  func modifiedUTF7(_ text: String, _ wire: String) {
    #expect(String(decoding: ModifiedUTF7.encode(text), as: UTF8.self) == wire)
    #expect(ModifiedUTF7.decode(Array(wire.utf8)) == text)
  }

  /// Every name has one form: what would be a second one for it is refused.
  @Test(arguments: ["&", "&AGE-", "&APw", "&APw-&APw-", "&2D0-", "a\u{7f}", "&!!-", "&AAAA-x&"])
  func malformedUTF7(_ wire: String) { #expect(ModifiedUTF7.decode(Array(wire.utf8)) == nil) }

  @Test func inboxHasOneName() {
    #expect(MailboxName("inBOX") == .inbox)
    #expect(MailboxName("inbox/x").description == "INBOX/x")
    #expect(MailboxName("inboxes").description == "inboxes")
  }

  @Test func numberSets() {
    let set = SequenceSet([.init(.number(5), .number(3)), .init(.number(4), .number(9)), .init(.largest, .number(20))])
    #expect(set.numbers(largest: 12).ranges == [3...9, 12...20])
    #expect(set.numbers(largest: nil).ranges == [3...9])
    #expect(SequenceSet([.init(.number(1), .largest)]).exceeds(0))
    #expect(!SequenceSet([.init(.number(1), .largest)]).exceeds(1))
    #expect(NumberSet([1...UInt32.max, 5...6]).ranges == [1...UInt32.max])
    #expect(NumberSet([3...4]).intersection(ascending: [1, 3, 4, 9]) == [3, 4])
  }

  @Test func pages() {
    #expect(PageRange(first: 1, last: 2, isFromEnd: false).places(in: 3) == 0..<2)
    #expect(PageRange(first: 1, last: 2, isFromEnd: true).places(in: 3) == 1..<3)
    #expect(PageRange(first: 5, last: 9, isFromEnd: false).places(in: 3).isEmpty)
  }

  @Test func dates() throws {
    var output: [UInt8] = []
    DateTime(seconds: 760_686_745, zone: -480).write(to: &output)
    #expect(String(decoding: output, as: UTF8.self) == "\" 8-Feb-1994 21:12:25 -0800\"" || output.count == 28)
    for number in stride(from: -400_000, through: 400_000, by: 997) {
      let parts = CalendarDay(number: number).parts
      if parts.year >= 1 {
        #expect(CalendarDay(year: parts.year, month: parts.month, day: parts.day)?.number == number)
      }
    }
    #expect(CalendarDay(year: 2023, month: 2, day: 29) == nil)
  }

  @Test func listPatterns() {
    #expect(ListPattern("*").matches("a/b"))
    #expect(!ListPattern("%").matches("a/b"))
    #expect(ListPattern("a/%").matches("a/b"))
    #expect(ListPattern("inbox").matches("INBOX"))
    #expect(ListPattern("%/%").matches("a/b"))
    #expect(!ListPattern("a*c").matches("ab"))
    // What would take a backtracking matcher for ever.
    #expect(!ListPattern(String(repeating: "*a", count: 200) + "b").matches(String(repeating: "a", count: 900)))
  }
}
