/// Checks what the grammar does not: that commands and tests are known, required, and have what they need.
enum SieveChecker {
  private static let commands: [String: (capability: String?, strings: Int)] = [
    "keep": (nil, 0), "discard": (nil, 0), "stop": (nil, 0), "redirect": (nil, 1), "fileinto": ("fileinto", 1),
    "reject": ("reject", 1), "ereject": ("ereject", 1), "vacation": ("vacation", 1), "set": ("variables", 2),
    "setflag": ("imap4flags", 1), "addflag": ("imap4flags", 1), "removeflag": ("imap4flags", 1),
  ]

  private static let tests: [String: (capability: String?, strings: Int)] = [
    "true": (nil, 0), "false": (nil, 0), "not": (nil, 0), "allof": (nil, 0), "anyof": (nil, 0), "exists": (nil, 1),
    "size": (nil, 0), "header": (nil, 2), "address": (nil, 2), "envelope": ("envelope", 2), "body": ("body", 1),
    "string": ("variables", 2), "hasflag": ("imap4flags", 1), "date": ("date", 3), "currentdate": ("date", 2),
    "mailboxexists": ("mailbox", 1),
  ]

  private static let tagCapabilities = [
    "copy": "copy", "flags": "imap4flags", "count": "relational", "value": "relational", "user": "subaddress",
    "detail": "subaddress", "seconds": "vacation-seconds", "create": "mailbox", "index": "index",
  ]

  static func check(_ list: [SieveCommand], required: inout Set<String>) throws(SieveScript.Fault) {
    var mayRequire = true
    var previous = ""
    for command in list {
      defer { previous = command.name }
      switch command.name {
      case "require":
        guard mayRequire, let names = command.arguments.strings(at: 0) else {
          throw .init(line: command.line, text: "require stands at the beginning, with what is required")
        }
        for name in names {
          guard SieveScript.capabilities.contains(name) else {
            throw .init(line: command.line, text: "\"\(name)\" is not known here")
          }
          required.insert(name)
        }
        continue
      case "if", "elsif", "else":
        let needsTest = command.name != "else"
        guard (command.tests.count == 1) == needsTest, command.block != nil else {
          throw .init(line: command.line, text: "\(command.name) needs \(needsTest ? "a test and " : "")a block")
        }
        guard command.name == "if" || previous == "if" || previous == "elsif" else {
          throw .init(line: command.line, text: "\(command.name) without an if")
        }
      default:
        guard let known = commands[command.name] else {
          throw .init(line: command.line, text: "\(command.name) is no command that is known here")
        }
        guard command.block == nil, command.tests.isEmpty else {
          throw .init(line: command.line, text: "\(command.name) takes neither test nor block")
        }
        try check(command.name, command.line, command.arguments, known, required)
      }
      mayRequire = false
      for test in command.tests { try check(test, required) }
      if let block = command.block { try check(block, required: &required) }
    }
  }

  private static func check(_ test: SieveTest, _ required: Set<String>) throws(SieveScript.Fault) {
    guard let known = tests[test.name] else {
      throw .init(line: test.line, text: "\(test.name) is no test that is known here")
    }
    let wanted: ClosedRange<Int> =
      switch test.name {
      case "not": 1...1
      case "allof", "anyof": 1...1000
      default: 0...0
      }
    guard wanted.contains(test.tests.count) else {
      throw .init(line: test.line, text: "\(test.name) has \(test.tests.count) tests within")
    }
    try check(test.name, test.line, test.arguments, known, required)
    for inner in test.tests { try check(inner, required) }
  }

  private static func check(
    _ name: String, _ line: Int, _ arguments: SieveArguments, _ known: (capability: String?, strings: Int),
    _ required: Set<String>
  ) throws(SieveScript.Fault) {
    if let capability = known.capability, !required.contains(capability) {
      throw .init(line: line, text: "\(name) needs require \"\(capability)\"")
    }
    for tag in arguments.tags {
      if let capability = tagCapabilities[tag], !required.contains(capability) {
        throw .init(line: line, text: ":\(tag) needs require \"\(capability)\"")
      }
    }
    let positional = arguments.positional
    let isShort = ["setflag", "addflag", "removeflag", "hasflag"].contains(name)
    let strings = positional.count { if case .strings = $0 { true } else { false } }
    guard strings == known.strings || isShort && strings == 2 else {
      throw .init(line: line, text: "\(name) has the wrong arguments")
    }
    if name == "size" {
      guard positional.count == 1, strings == 0, arguments.tags.isSubset(of: ["over", "under"]),
        arguments.tags.count == 1
      else { throw .init(line: line, text: "size has :over or :under, and a number") }
    } else if positional.count != strings {
      throw .init(line: line, text: "\(name) takes no number")
    }
    if let comparator = arguments.strings(of: "comparator")?.first,
      !["i;octet", "i;ascii-casemap", "i;ascii-numeric"].contains(comparator)
    {
      throw .init(line: line, text: "the comparator \(comparator) is not known here")
    }
  }
}
