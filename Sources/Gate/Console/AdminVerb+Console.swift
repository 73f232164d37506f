import ConsoleCore

extension AdminVerb {
  /// What else a verb is called on the console, in the words of those who manage networks.
  private static let aliases: [String: String] = [
    "account list": "show accounts", "account show": "show account", "penalty list": "show penalties",
    "session list": "show sessions", "audit list": "show audit", "penalty clear": "clear penalty",
    "session end": "clear session",
  ]

  private static let columns: [String: [String]] = [
    "account list": ["name", "display name", "roles", "groups", "state", "last log-in"],
    "account show": ["property", "value"],
    "penalty list": ["source", "state", "reason", "service", "left"],
    "session list": ["session", "service", "account", "peer", "local", "encryption", "since"],
    "audit list": ["number", "time", "who", "what", "subject", "before", "after", "service", "session", "peer"],
    "account key list": ["number", "fingerprint", "options", "comment", "added", "last used"],
    "account app-password list": ["label", "services", "networks", "expires", "added", "last used"],
  ]

  /// The verbs as commands of the console: by their own words, and by their other names.
  public static let commands: [Command] = all.flatMap { verb in
    let name = verb.words.joined(separator: " ")
    return [name, aliases[name]].compactMap { $0 }.map { verb.command(named: $0) }
  }

  /// The verb behind a command of the console.
  static func behind(_ command: Command) -> AdminVerb? {
    let name = command.name
    let own = aliases.first { $0.value == name }?.key ?? name
    return all.first { $0.words.joined(separator: " ") == own }
  }

  /// The option that asks for a later page of the listing.
  var pageOption: String? { ["after", "before"].first { name in options.contains { $0.name == name } } }

  private func command(named name: String) -> Command {
    let own = words.joined(separator: " ")
    let parameters = values.split(separator: " ").map { value in
      Command.Parameter(String(value), kind(of: String(value)))
    }
    let options = options.map { option in
      Command.Option(option.name, value: option.value, option.value == "NAME" ? .object(of: "show accounts") : .word)
    }
    return Command(
      name, parameters, options: options, permission: permission, summary, columns: Self.columns[own] ?? [])
  }

  private func kind(of value: String) -> ArgumentKind {
    switch value {
    case "NAME" where words != ["account", "add"]: .object(of: "show accounts")
    case "SESSION": .object(of: "show sessions")
    case "NETWORK|all": .object(of: "show penalties")
    case "KEY" where words.last == "add": .text
    default: .word
    }
  }
}
