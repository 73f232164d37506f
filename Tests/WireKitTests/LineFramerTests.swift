import Testing
import WireKit

@Suite struct LineFramerTests {
  private func frame(_ text: String, _ lineEnd: LineFramer.LineEnd = .strict, maximum: Int = 10) -> LineFramer.Outcome {
    var framer = LineFramer(maximumLength: maximum, lineEnd: lineEnd)
    let bytes = Array(text.utf8)
    return framer.next(in: bytes.span.bytes)
  }

  @Test(arguments: [
    ("QUIT\r\n", LineFramer.Outcome.line(length: 4, terminator: 2)),
    ("\r\n", .line(length: 0, terminator: 2)),
    ("QUIT", .incomplete),
    ("QUIT\r", .incomplete),
    ("QU\nIT\r\n", .bareLineEnd(at: 2)),
    ("QU\rIT\r\n", .bareLineEnd(at: 2)),
    ("0123456789\r\n", .line(length: 10, terminator: 2)),
    ("0123456789A\r\n", .tooLong),
    ("0123456789A", .tooLong),
    ("0123456789\r", .incomplete),
  ]) func strictLines(text: String, outcome: LineFramer.Outcome) {
    #expect(frame(text) == outcome)
  }

  @Test(arguments: [
    ("QUIT\n", LineFramer.Outcome.line(length: 4, terminator: 1)),
    ("QUIT\r\n", .line(length: 4, terminator: 2)),
    ("A\rB\n", .line(length: 3, terminator: 1)),
  ]) func lenientLines(text: String, outcome: LineFramer.Outcome) {
    #expect(frame(text, .lenient) == outcome)
  }

  /// However the bytes are cut, the answer is the one for the whole, and each byte is looked at once.
  @Test(arguments: ["HELO a\r\n", "\r\n", "AB\nC\r\n", "AB\rC\r\n", "ABCDEFGHIJK\r\n"])
  func cutAnywhere(text: String) {
    let bytes = Array(text.utf8)
    let whole = frame(text)
    for first in 0...bytes.count {
      for second in first...bytes.count {
        var framer = LineFramer(maximumLength: 10)
        var outcome = LineFramer.Outcome.incomplete
        for end in [first, second, bytes.count] where outcome == .incomplete {
          outcome = framer.next(in: bytes.span.bytes.extracting(0..<end))
        }
        #expect(outcome == whole, "cut at \(first) and \(second)")
      }
    }
  }
}
