import SMTPCore
import Testing
import WireKit

struct EndOfDataTests {
  /// Scans in pieces of this size; the message, and how the scan ended.
  private func scan(_ text: String, pieces: Int) -> (message: String, outcome: EndOfDataScanner.Outcome, rest: Int) {
    let bytes = Array(text.utf8)
    var scanner = EndOfDataScanner()
    var message: [UInt8] = []
    var offset = 0
    while offset < bytes.count {
      let piece = Array(bytes[offset..<min(offset + pieces, bytes.count)])
      let outcome = scanner.scan(piece.span.bytes, from: 0) { message += piece[$0] }
      switch outcome {
      case .more: offset += piece.count
      case .end(let consumed):
        return (String(decoding: message, as: UTF8.self), outcome, bytes.count - offset - consumed)
      case .bareLineEnd: return (String(decoding: message, as: UTF8.self), outcome, bytes.count - offset)
      }
    }
    return (String(decoding: message, as: UTF8.self), .more, 0)
  }

  @Test(arguments: [1, 2, 3, 5, 100])
  func theEndIsFoundAndDotsAreTakenOut(_ pieces: Int) {
    for (wire, message) in [
      ("a\r\n.\r\n", "a\r\n"), (".\r\n", ""), ("..a\r\n.\r\n", ".a\r\n"), ("a\r\n..\r\n.\r\n", "a\r\n.\r\n"),
      ("\r\n.\r\n", "\r\n"), (".a\r\n.\r\n", "a\r\n"), ("a.b\r\n...\r\n.\r\n", "a.b\r\n..\r\n"),
    ] {
      let result = scan(wire + "QUIT\r\n", pieces: pieces)
      #expect(result.message == message, "\(wire.debugDescription)")
      #expect(result.rest == 6, "\(wire.debugDescription): \(result)")
    }
  }

  @Test(arguments: [1, 2, 3, 5, 100])
  func nothingElseIsAnEnd(_ pieces: Int) {
    for wire in [
      "a\n.\n", "a\r\n.\n", "a\n.\r\n", "a\r.\r", "a\r\n.\rX", "a\r\n.\r\r\n", "a\nb\r\n.\r\n", "a\rb\r\n.\r\n",
    ] {
      #expect(scan(wire, pieces: pieces).outcome == .bareLineEnd, "\(wire.debugDescription)")
    }
    #expect(scan("a.\r\nb", pieces: pieces).outcome == .more)
  }

  @Test func whatLeavesCanBeTakenInAgain() {
    for message in ["a\r\n", "", ".", "..\r\n.\r\n", "a\nb\rc\r\n", "\r\n\r\n", "x\r"] {
      var stuffer = DotStuffer()
      var wire: [UInt8] = []
      for byte in message.utf8 { stuffer.append([byte], to: &wire) }
      stuffer.finish(to: &wire)
      let result = scan(String(decoding: wire, as: UTF8.self), pieces: 3)
      #expect(result.rest == 0, "\(message.debugDescription)")
      let wanted = message.replacing("\r\n", with: "\n").replacing("\r", with: "\n").replacing("\n", with: "\r\n")
      #expect(result.message == wanted || result.message == wanted + "\r\n", "\(message.debugDescription)")
    }
  }
}
