import ConsoleCore

/// The commands that change the configuration: a candidate, its comparison, its way into force and back.
enum ConfigureCommands {
  private static let key = Command.Parameter("KEY", .object(of: "configure keys"))

  static let show = Command(
    "configure show", [.init("KEY", .object(of: "configure keys"), isOptional: true)], permission: "console:show",
    "the candidate, and who manages each key", columns: ["key", "value", "managed by"])
  static let keys = Command(
    "configure keys", permission: "console:show", "every key that there is", columns: ["key", "meaning"])
  static let set = Command(
    "configure set", [key, .init("VALUE", .text)], permission: "console:configure", "set a key in the candidate")
  static let delete = Command(
    "configure delete", [key], permission: "console:configure",
    "take a key, or all keys within it, out of the candidate")
  static let compare = Command(
    "configure compare", [.init("BACK", .number(0...1000), isOptional: true)], permission: "console:show",
    "what the candidate changes of what is in force, or of a version before", columns: ["change"])
  static let check = Command(
    "configure check", permission: "console:show", "whether the candidate could be put into force")
  static let commit = Command(
    "configure commit",
    options: [.init("confirm", value: "MINUTES", .number(1...1440)), .init("comment", value: "TEXT", .word)],
    permission: "console:configure",
    "put the candidate into force; with `confirm`: for so long, unless it is confirmed by another commit")
  static let discard = Command("configure discard", permission: "console:configure", "forget the candidate")
  static let rollback = Command(
    "configure rollback", [.init("BACK", .number(0...1000))], permission: "console:configure",
    "make the candidate what was in force so many versions before")
  static let history = Command(
    "configure history", permission: "console:show", "the versions, the newest first",
    columns: ["back", "version", "time", "by", "state", "reason", "changes"])

  static let all = [show, keys, set, delete, compare, check, commit, discard, rollback, history]

  /// Sections that say who may do what: changing them takes the right to change accounts as well.
  private static let rightsSections: Set<String> = ["roles", "auth"]

  static func needsAccounts(_ key: String) -> Bool {
    rightsSections.contains(String(key.prefix { $0 != "." && $0 != "[" }))
  }
}
