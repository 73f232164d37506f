import TestKit

@testable import ConsoleCore

/// A console on a screen, with answers that a test gives.
final class Desk {
  static let tree = CommandTree([
    Command("show zones", permission: "console:show", "the zones", columns: ["zone", "serial"]),
    Command(
      "show zone", [.init("ZONE", .object(of: "show zones"))], permission: "console:show", "a zone", columns: ["name"]),
    Command("show sessions", permission: "console:show", "who is there", columns: ["session"]),
    Command(
      "account set", [.init("NAME", .object(of: "show accounts"))],
      options: [.init("role", value: "ROLE"), .init("disabled")], permission: "console:accounts", "changes an account"),
    Command("account password", [.init("NAME")], permission: "console:accounts", "sets the password"),
    Command("show accounts", permission: "console:show", "the accounts", columns: ["name"]),
    Command("show log", [.init("COUNT", .number(1...50), isOptional: true)], permission: "console:show", "events"),
    Command("show log follow", permission: "console:show", "events as they come", follows: true),
    Command(
      "set mode", [.init("MODE", .choice(["fast", "slow"]))], permission: "console:all", "how fast"),
  ])

  var console: Console
  var screen: Screen
  var output: [UInt8] = []
  var calls: [ConsoleCall] = []
  var hasEnded = false
  var answer: (ConsoleCall) -> ConsoleAnswer?
  private var open: [(UInt64, ConsoleCall)] = []
  private var echoes: Bool

  init(
    columns: Int = 80, rows: Int = 24, type: String = "XTERM", echoes: Bool = true, commands: String? = nil,
    tree: CommandTree = Desk.tree, permissions: Set<String>? = nil,
    answer: @escaping (ConsoleCall) -> ConsoleAnswer? = { _ in .done("done") }
  ) {
    self.answer = answer
    self.echoes = echoes
    console = Console(tree, settings: .init(prompt: "> "), commands: commands) { permission in
      permissions?.contains(permission) ?? true
    }
    screen = Screen(columns: max(2, columns)) { CharacterWidth.of($0) }
    let terminal = TerminalDescription(columns: columns, rows: rows, type: type, echoes: echoes)
    step { console, actions in console.start(on: terminal, into: &actions) }
  }

  func type(_ text: String) { type(Array(text.utf8)) }

  func type(_ bytes: [UInt8]) {
    for byte in bytes { step { console, actions in console.receive(byte, into: &actions) } }
  }

  /// Answers a call that was left open.
  func reply(_ answer: ConsoleAnswer) {
    guard let (number, _) = open.first else { return }
    open.removeFirst()
    step { console, actions in console.resume(answer, for: number, into: &actions) }
  }

  /// What is on the screen since the last look.
  func look() -> String {
    defer { output = [] }
    return String(decoding: output, as: UTF8.self)
  }

  func step(_ body: @escaping (inout Console, inout Console.Actions) -> Void) {
    var turns: [(inout Console, inout Console.Actions) -> Void] = [body]
    while !turns.isEmpty {
      let turn = turns.removeFirst()
      var actions = Console.Actions()
      turn(&console, &actions)
      output += actions.output
      screen.write(actions.output.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] })
      hasEnded = hasEnded || actions.hasEnded
      for (number, call) in actions.requests {
        calls.append(call)
        if let answer = answer(call) {
          turns.append { console, actions in console.resume(answer, for: number, into: &actions) }
        } else {
          open.append((number, call))
        }
      }
      if !actions.output.isEmpty { turns.append { console, actions in console.outputDrained(into: &actions) } }
    }
  }
}
