import Testing

@testable import ConsoleCore

struct ConfigureModeTests {
  private static let tree = CommandTree([
    Command("show sessions", permission: "console:show", "who is there", columns: ["session"]),
    Command("configure show", [.init("KEY", isOptional: true)], permission: "console:show", "all", columns: ["key"]),
    Command(
      "configure set", [.init("KEY"), .init("VALUE", .text)], permission: "console:configure", "sets a key"),
    Command(
      "configure commit", options: [.init("confirm", value: "MINUTES", .number(1...60))],
      permission: "console:configure", "puts it into force"),
  ])

  @Test func linesOfTheModeNeedNoFirstWord() {
    let desk = Desk(tree: Self.tree) { _ in .done("done") }
    desk.type("configure\r")
    #expect(desk.look().hasSuffix("\n(configure)# "))
    desk.type("set smtp.max_size 5 MB\rcom conf 5\rrun show sessions\rdo sh se\r")
    #expect(
      desk.calls.map(\.words) == [
        ["configure", "set", "smtp.max_size", "5 MB"], ["configure", "commit", "--confirm", "5"], ["show", "sessions"],
        ["show", "sessions"],
      ])
    desk.type("s")
    _ = desk.look()
    desk.type("\t")
    #expect(desk.look().contains("set"))
    desk.type("\u{15}exit\rsh ses\r")
    #expect(desk.calls.last?.words == ["show", "sessions"] && desk.look().hasSuffix("\n> ") && !desk.hasEnded)
    desk.type("conf t\rend\rexit\r")
    #expect(desk.hasEnded)
  }

  @Test func whoMayNotHasNoSuchMode() {
    let desk = Desk(tree: Self.tree, permissions: ["console:show"])
    desk.type("configure\rconfigure set a b\r")
    #expect(desk.calls.isEmpty && !desk.look().contains("#"))
  }

  /// `| follow` asks again with what the last answer named, and shows rows that are new.
  @Test func followingShowsWhatIsNew() {
    var answers = [
      Listing(columns: ["session"], rows: [["a"], ["b"]], next: "1"),
      Listing(columns: ["session"], rows: [["b"], ["c"]], next: "2"),
      Listing(columns: ["session"], rows: [["b"], ["c"]], next: "2"),
      Listing(columns: ["session"], rows: [], next: "3"),
      Listing(columns: ["session"], rows: [["b"]], next: "4"),
    ]
    let desk = Desk(rows: 4, tree: Self.tree) { _ in answers.isEmpty ? nil : .listing(answers.removeFirst()) }
    desk.type("show sessions | follow\r")
    #expect(desk.calls.map(\.follow) == ["", "1", "2", "2", "3", "4"])
    #expect(desk.calls.allSatisfy { $0.after == nil })
    #expect(desk.look().hasSuffix("follow\nSESSION\na\nb\nc\nb\n"))
    desk.type("\u{3}")
    #expect(desk.look() == "^C\n> ")
    desk.type("show sessions | follow | count\rset a b | follow\r")
    #expect(desk.look().contains("% only listings can be followed"))
  }
}
