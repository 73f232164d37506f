import Operation
import Services
import Testing
import WireKit

@Suite struct LogFormatTests {
  private func event(_ fields: [Event.Field]) -> Event {
    Event(
      time: WallTime(seconds: 1_795_420_688, nanoseconds: 123_000_000), severity: .notice, message: "log-in failed",
      service: .imap, session: SessionID(33), peer: Endpoint("192.0.2.1:4711"), account: "ann@lab.test", fields: fields)
  }

  @Test func human() {
    let line = LogFormat.human(colours: false).line(event([.init("reason", .string("wrong password"))]))
    #expect(
      line
        == "07:58:08 notice  imap        log-in failed session=11 peer=192.0.2.1:4711 account=ann@lab.test reason=\"wrong password\"\n"
    )
  }

  @Test func json() {
    let line = LogFormat.json.line(event([.init("bytes", .bytes(7)), .init("ok", .bool(true))]))
    #expect(
      line
        == #"{"time":"2026-11-23T07:58:08.123Z","severity":"notice","service":"imap","message":"log-in failed","session":"11","peer":"192.0.2.1:4711","account":"ann@lab.test","bytes":7,"ok":true}"#
        + "\n")
  }

  /// Log injection (`security.md`): CR, LF, escapes and text that turns direction stay inside one quoted value.
  @Test(arguments: [
    "a\r\nFAKE", "a\u{1B}[31mred", "a\u{202E}gpj.exe", "a\u{9B}31m", "a\u{0}b", "a\u{85}b", "quote\"=", "back\\slash",
  ]) func strangersCannotWriteTheLog(name: String) {
    for format in [LogFormat.human(colours: false), .json] {
      let line = format.line(event([.init("name", .string(name))]))
      #expect(line.unicodeScalars.filter { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) } == ["\n"])
      #expect(!line.contains("\u{202E}"))
      #expect(line.contains("\\"))
    }
  }
}
