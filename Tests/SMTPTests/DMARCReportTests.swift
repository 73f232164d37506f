import Foundation
import Services
import Testing

@testable import SMTPServer

struct DMARCReportTests {
  private static let row = DMARCReportBook.Row(
    source: "192.0.2.1", disposition: "quarantine", isDKIMAligned: false, isSPFAligned: true, headerFrom: "b.test",
    envelopeFrom: "x<&.test", spf: "pass", spfDomain: "x<&.test",
    dkim: [.init(domain: "d.test", selector: "s\u{7}\"", result: "fail")])

  @Test func daysAreCountedAndTakenOnce() {
    let book = DMARCReportBook(file: nil)
    let now = WallTime(seconds: 86_400 * 20_000 + 5)
    for _ in 0..<3 { book.note(Self.row, about: "b.test", ["p": "reject", "rua": "mailto:a@b.test"], now: now) }
    // Who asks for nothing is told nothing.
    book.note(Self.row, about: "c.test", ["p": "none"], now: now)
    #expect(book.takeFinished(now: now).isEmpty)
    let days = book.takeFinished(now: now + .seconds(86_400))
    #expect(days.count == 1 && days[0].tallies.keys.sorted() == ["b.test"])
    #expect(days[0].tallies["b.test"]?.counts == [3])
    #expect(book.takeFinished(now: now + .seconds(86_400)).isEmpty)
  }

  /// RFC 7489, appendix C; whatever peers called themselves, it is XML.
  @Test func theReportIsWhatTheRFCHas() throws {
    let tally = DMARCReportBook.Tally(tags: ["p": "reject", "adkim": "s"], rows: [Self.row], counts: [3])
    let text = DMARCReporter.xml(tally, domain: "b.test", start: 86_400, submitter: "a.test", id: "7.x")
    for part in [
      "<org_name>a.test</org_name>", "<begin>86400</begin><end>172799</end>", "<adkim>s</adkim>", "<aspf>r</aspf>",
      "<p>reject</p>", "<sp>reject</sp>", "<count>3</count>", "<disposition>quarantine</disposition>",
      "<dkim>fail</dkim>",
      "<spf>pass</spf>", "<envelope_from>x&lt;&amp;.test</envelope_from>", "<selector>s_&quot;</selector>",
    ] { #expect(text.contains(part), "\(part)\n\(text)") }
    let parser = XMLReader(text)
    #expect(parser.isBalanced, "\(text)")
  }

  /// Enough of a parser to see that elements are closed in order.
  private struct XMLReader {
    var isBalanced = true

    init(_ text: String) {
      var open: [Substring] = []
      for part in text.split(separator: "<").dropFirst() {
        let name = part.prefix { $0 != ">" }
        if name.hasPrefix("?") { continue }
        if name.hasPrefix("/") {
          isBalanced = isBalanced && open.popLast() == name.dropFirst()
        } else {
          open.append(name)
        }
      }
      isBalanced = isBalanced && open.isEmpty
    }
  }
}
