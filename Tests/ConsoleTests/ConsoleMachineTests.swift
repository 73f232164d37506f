import Foundation
import Testing

@testable import ConsoleCore

struct ConsoleMachineTests {
  private func rows(_ count: Int, from: Int = 0, next: String? = nil) -> ConsoleAnswer {
    .listing(Listing(columns: ["zone", "serial"], rows: (from..<from + count).map { ["z\($0)", "1"] }, next: next))
  }

  @Test func aCommandIsAskedInFull() {
    let desk = Desk { _ in .done("it is done") }
    desk.type("acc set ann dis role x\r")
    #expect(desk.calls == [ConsoleCall(words: ["account", "set", "ann", "--disabled", "--role", "x"])])
    #expect(desk.look() == "> acc set ann dis role x\nit is done\n> ")
  }

  @Test func failuresAreTold() {
    let desk = Desk { _ in .failure("not permitted: it needs x\u{1B}[2J") }
    desk.type("show zones\rshow zones | frob\rshow 'x\r")
    let text = desk.look()
    #expect(text.contains("% not permitted: it needs x\u{FFFD}[2J\n") && text.contains("% 'frob' is no filter"))
    #expect(text.contains("% a quote is not closed"))
    #expect(desk.console.exitCode == 1)
  }

  @Test func fullScreensStop() {
    let desk = Desk(rows: 5) { _ in self.rows(10) }
    desk.type("show zones\r")
    #expect(desk.screen.text.hasSuffix("z2    1\n--More--"))
    desk.type("\r")
    #expect(desk.screen.text.hasSuffix("z3    1\n--More--"))
    desk.type(" ")
    #expect(desk.screen.text.hasSuffix("z7    1\n--More--"))
    desk.type("q")
    #expect(desk.screen.text.hasSuffix("z7    1\n>"))
    desk.type("terminal length 0\rshow zones\r")
    #expect(desk.screen.text.hasSuffix("z9    1\n>"))
  }

  @Test func pagesAreFetchedAsTheyAreNeeded() {
    let desk = Desk(rows: 0) { call in
      switch call.after {
      case nil: self.rows(500, next: "a")
      case "a": self.rows(500, from: 500, next: "b")
      default: self.rows(1, from: 1000)
      }
    }
    desk.type("show zones | count\r")
    #expect(desk.look().contains("Count: 1001 lines"))
    #expect(desk.calls.map(\.after) == [nil, "a", "b"])
    desk.type("show zones | json | last 1\r")
    #expect(desk.look().contains("{\"zone\":\"z1000\",\"serial\":\"1\"}"))
  }

  /// An answer that names a next page for ever, and has nothing in it, ends.
  @Test func emptyPagesEnd() {
    let desk = Desk { _ in self.rows(0, next: "x") }
    desk.type("show zones\r")
    #expect(desk.calls.count == 2 && desk.screen.text.hasSuffix("\n>"))
  }

  @Test func longOutputWaitsForItsReader() {
    let desk = Desk(rows: 0) { _ in self.rows(500) }
    var actions = Console.Actions()
    for byte in "show zones\r".utf8 { desk.console.receive(byte, into: &actions) }
    var written = 0
    desk.console.resume(
      .listing(Listing(columns: ["zone"], rows: (0..<5000).map { _ in [String(repeating: "x", count: 100)] })),
      for: actions.requests[0].number, into: &actions)
    #expect(actions.output.count < 20_000)
    while desk.console.isBusy {
      actions = Console.Actions()
      desk.console.outputDrained(into: &actions)
      #expect(actions.output.count < 20_000)
      written += actions.output.count
    }
    #expect(written > 480_000)
  }

  /// A page that came as one text is written as a whole; the next is asked for at once, and waits until the one before it has left.
  @Test func wholePagesWaitForTheOnesBefore() throws {
    func page(_ name: String, next: String?) throws -> ConsoleAnswer {
      let listing = Listing(columns: ["zone"], rows: [[name]], next: next)
      return .listing(try JSONDecoder().decode(Listing.self, from: JSONEncoder().encode(listing)))
    }
    let desk = Desk(rows: 0)
    var (typed, first, second, drained) = (
      Console.Actions(), Console.Actions(), Console.Actions(), Console.Actions()
    )
    for byte in "show zones\r".utf8 { desk.console.receive(byte, into: &typed) }
    desk.console.resume(try page("one", next: "a"), for: typed.requests[0].number, into: &first)
    #expect(String(decoding: first.output, as: UTF8.self) == "ZONE\none\n" && first.requests.count == 1)
    desk.console.resume(try page("two", next: nil), for: first.requests[0].number, into: &second)
    #expect(second.output.isEmpty && desk.console.isBusy)
    desk.console.outputDrained(into: &drained)
    #expect(String(decoding: drained.output, as: UTF8.self).hasPrefix("two\n") && !desk.console.isBusy)
  }

  @Test func interruptsDropTheAnswer() {
    let desk = Desk { _ in nil }
    desk.type("show zones\rshow s\u{3}")
    #expect(desk.screen.text.hasSuffix("^C\n>"))
    desk.reply(.done("too late"))
    #expect(!desk.screen.text.contains("too late"))
    desk.type("show zones\r")
    desk.reply(.done("in time"))
    // The first answer in the queue was the late one's.
    #expect(desk.calls.count == 2)
  }

  @Test func typeAheadIsKept() {
    let desk = Desk { _ in nil }
    desk.type("show zones\rshow sessions\rexit\r")
    #expect(desk.calls.count == 1)
    desk.reply(.done("one"))
    #expect(desk.calls.map(\.words) == [["show", "zones"], ["show", "sessions"]])
    desk.reply(.done("two"))
    #expect(desk.hasEnded && desk.screen.text.contains("one\n") && desk.screen.text.contains("two\n"))
  }

  @Test func namesAreCompleted() {
    let desk = Desk { call in
      call.words == ["show", "zones"]
        ? .listing(Listing(columns: ["zone"], rows: [["lab.test"], ["lab.example"], ["other"]])) : .done("ok")
    }
    desk.type("sh\t")
    #expect(desk.screen.line(0) == "> show")
    desk.type("zone l\t")
    #expect(desk.screen.line(0) == "> show zone lab.")
    desk.type("\t")
    #expect(desk.screen.text.contains("\n  lab.example\n  lab.test\n"))
    desk.type("t\t\r")
    #expect(desk.calls.last?.words == ["show", "zone", "lab.test"])
  }

  @Test func helpKeepsTheLine() {
    let desk = Desk()
    desk.type("show ?")
    #expect(desk.screen.text.contains("  zones"))
    #expect(desk.screen.text.hasSuffix("\n> show"))
    desk.type("zones\r")
    #expect(desk.calls.map(\.words) == [["show", "zones"]])
  }

  @Test func passwordsAreAskedForTwice() {
    let desk = Desk { call in call.secret == nil ? .secretNeeded(prompt: "New password: ") : .done("set") }
    desk.type("account password ann\rs3cret?\rs3cret?\r")
    #expect(
      desk.calls.last == ConsoleCall(words: ["account", "password", "ann"], secret: HiddenText(Array("s3cret?".utf8))))
    #expect(!desk.screen.text.contains("s3cret") && desk.screen.text.contains("set"))
    #expect("\(desk.calls)".contains("s3cret") == false)
    desk.type("account password ann\rone\rtwo\r")
    #expect(desk.screen.text.contains("% the two are not the same"))
    desk.type("account password ann\r\u{3}")
    #expect(desk.screen.text.hasSuffix("\n>"))
    #expect(!desk.console.hidesInput)
    desk.type("\u{10}")
    #expect(desk.screen.text.hasSuffix("> account password ann"))
  }

  @Test func scriptsRunAndEnd() {
    let desk = Desk(echoes: false, commands: "show zones; show sessions | count\nfrob") { _ in self.rows(2) }
    #expect(desk.hasEnded && desk.console.exitCode == 1)
    #expect(desk.look() == "ZONE  SERIAL\nz0    1\nz1    1\nCount: 2 lines\n% 'frob' is no command here\n")
    let quoted = Desk(commands: "show zones | match 'z0;|z1' | count;show zones") { _ in self.rows(2) }
    #expect(quoted.look().hasPrefix("Count: 1 line\nZONE"))
    let fine = Desk(commands: "show zones") { _ in self.rows(0) }
    #expect(fine.hasEnded && fine.console.exitCode == 0)
  }

  /// A line for each of which nothing is asked: no stack grows with them.
  @Test func longScriptsTakeNoDeepStack() {
    let desk = Desk(commands: String(repeating: "frob;", count: 50_000))
    #expect(desk.hasEnded && desk.console.exitCode == 1)
    #expect(desk.output.count > 1_000_000)
  }

  @Test func endOfInputLeaves() {
    let desk = Desk()
    desk.type("ab\u{4}")
    #expect(!desk.hasEnded)
    desk.type("\u{15}\u{4}")
    #expect(desk.hasEnded)
  }

  /// A client that edits lines itself sends them whole, and sees no echo.
  @Test func linesOfAClientAreNotEchoed() {
    let desk = Desk(echoes: false)
    desk.type("show ?\r\nshow zones\r\n")
    #expect(!desk.look().contains("show zones"))
    #expect(desk.calls.map(\.words) == [["show", "zones"]])
  }

  @Test func historyIsShownAndUsed() {
    let desk = Desk()
    desk.type("show zones\r\u{10}\rshow history\r")
    #expect(desk.calls.count == 2)
    #expect(desk.screen.text.contains("LINE\nshow zones\nshow history\n"))
  }
}

/// Listings that never end.
struct FollowingTests {
  @Test func followingGoesOnUntilItIsInterrupted() {
    let desk = Desk(rows: 4) { _ in nil }
    desk.type("show log follow\r")
    func page(_ names: [String], _ next: String) -> ConsoleAnswer {
      .listing(Listing(columns: ["time"], rows: names.map { [$0] }, next: next))
    }
    desk.reply(page(["one", "two", "three", "four", "five"], "5"))
    // Nothing to tell yet is no end, and a full screen no stop.
    desk.reply(page([], "5"))
    desk.reply(page(["six"], "6"))
    #expect(desk.calls.map(\.after) == [nil, "5", "5", "6"])
    #expect(desk.screen.text.hasSuffix("five\nsix\n"))
    desk.type("\u{3}")
    #expect(desk.screen.text.hasSuffix("six\n^C\n>"))
    desk.reply(page(["seven"], "7"))
    #expect(!desk.screen.text.contains("seven"))
  }
}
