import Foundation
import Testing

@testable import ConsoleCore

struct OutputTests {
  @Test(arguments: [
    ("abc", "xABCx", true), ("^abc", "xabc", false), ("abc$", "xabc", true), ("a.c", "abc", true), ("a*b", "b", true),
    ("a+b", "b", false), ("ab?c", "ac", true), ("(ab|cd)+$", "xxabcd", true), ("[a-c]x", "bx", true),
    ("[^a-c]x", "bx", false), ("a|b", "xbx", true), ("\\.", "a.b", true), ("\\.", "ab", false), ("", "anything", true),
    ("^$", "", true), ("(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
  ])
  func patternsMatch(_ pattern: String, _ text: String, _ expected: Bool) throws {
    #expect(try #require(Pattern(pattern)).isFound(in: text) == expected)
  }

  @Test(arguments: ["(", "a)", "[a", "*a", "[z-a]", "\\", String(repeating: "(", count: 100)])
  func othersAreNoPatterns(_ text: String) { #expect(Pattern(text) == nil) }

  @Test func timeIsBounded() throws {
    let pattern = try #require(Pattern("(a*)*(a*)*(a*)*(a*)*(a*)*(a*)*b"))
    let start = ContinuousClock.now
    #expect(!pattern.isFound(in: String(repeating: "a", count: 2000)))
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  private func render(_ filters: [[String]], _ pages: [Listing]) throws -> [String] {
    var renderer = Renderer(try filters.map { try OutputFilter($0) })
    return pages.flatMap { renderer.lines(of: $0) } + renderer.finish()
  }

  private let pages = [
    Listing(columns: ["name", "n"], rows: [["ann", "1"], ["界", "22"]]),
    Listing(columns: ["name", "n"], rows: [["longer name", "3"], ["bob\u{1B}[2J", "4"]]),
  ]

  @Test func rowsStandInColumns() throws {
    #expect(
      try render([], pages) == [
        "NAME  N", "ann   1", "界    22", "longer name  3", "bob\u{FFFD}[2J      4",
      ])
  }

  /// As another process hands them on, rows are the same, and are shown the same.
  @Test(arguments: [
    [["ann", "1"], ["b", "22"]], [["longer name", ""], ["", ""], ["", "4"]], [["only one cell"]], [["a", "b", "c"]], [],
    [["界", "1"]], [["a\tb", "c\nd"]], [[]],
  ])
  func packedRowsAreTheSame(_ rows: [[String]]) throws {
    let listing = Listing(columns: ["name", "n"], rows: rows, next: "x")
    let passed = try JSONDecoder().decode(Listing.self, from: JSONEncoder().encode(listing))
    #expect(passed == listing && passed.rowCount == rows.count)
    guard case .packed(let packed) = passed.content else { return }
    var (fast, slow) = (Renderer([]), Renderer([]))
    var output: [UInt8] = []
    // The second page is laid out by the widths of the first.
    for _ in 0..<2 { fast.write(packed, under: listing.columns, to: &output) }
    let lines = slow.lines(of: listing) + slow.lines(of: listing)
    #expect(String(decoding: output, as: UTF8.self) == lines.map { $0 + "\n" }.joined())
  }

  @Test func otherTextIsNoRows() {
    for text in ["", "a", "a\tb", "a\u{1B}\n", "é\n"] { #expect(PackedRows(text: Array(text.utf8)) == nil, "\(text)") }
  }

  @Test func filtersChooseAndCount() throws {
    #expect(try render([["match", "n"]], pages) == ["ann   1", "longer name  3"])
    #expect(try render([["exclude", "n"], ["count"]], pages) == ["Count: 2 lines"])
    #expect(try render([["begin", "long"]], pages).first == "longer name  3")
    #expect(try render([["last", "1"]], pages).count == 1)
    #expect(try render([["last", "3"], ["match", "ann"]], pages) == [])
    for words in [["frob"], [], ["match"], ["count", "1"], ["last", "x"], ["last", "0"]] {
      #expect(throws: LineError.self) { try OutputFilter(words) }
    }
  }

  @Test func JSONIsJSON() throws {
    #expect(
      try render([["json"]], pages).joined() == #"[  {"name":"ann","n":"1"}  ,{"name":"界","n":"22"}"#
        + #"  ,{"name":"longer name","n":"3"}  ,{"name":"bob\u001b[2J","n":"4"}]"#)
    #expect(try render([["json"]], [Listing(columns: ["a"], rows: [])]) == ["[", "]"])
  }

  @Test func widthsAreThoseOfTerminals() {
    for (text, width) in [("abc", 3), ("é", 1), ("e\u{301}", 1), ("界", 2), ("👍", 2), ("👩‍👩‍👧", 2), ("\u{200B}", 0)] {
      #expect(CharacterWidth.of(text) == width, "\(text)")
    }
  }
}
