import ConsoleCore

/// The page of one account: what it is, how it logs in, where it is connected, and everything that can be done about it.
extension AdminPages {
  /// The listings on it: a title, and the command's words with the account's name in their place.
  static func personSections(_ name: String) -> [(title: String, words: [String])] {
    [
      ("Properties", ["account", "show", name]),
      ("Sessions", ["session", "list", "--account", name]),
      ("App passwords", ["account", "app-password", "list", name]),
      ("SSH keys", ["account", "key", "list", name]),
    ]
  }

  /// What can be done, by the forms that do it.
  private static let personCommands = [
    "account set", "account password", "account disable", "account enable", "account app-password add",
    "account key add",
    "account totp begin", "account totp confirm", "account totp codes", "account totp remove", "account rdp-password",
    "account remove",
  ]

  func person(
    _ name: String, _ sections: [(title: String, words: [String], answer: ConsoleAnswer)],
    _ session: AdminSessions.Session
  ) -> String {
    let links = HTML.each(Self.personCommands) { words in
      guard let command = tree.command(named: words) else { return .empty }
      return .element(
        "li", [:],
        .link(Self.path(of: command) + AdminQuery.text([("p.NAME", name)]), HTML(words))
          + .element("span", ["class": "dim"], HTML(": " + command.summary)))
    }
    let content = HTML.each(sections) { section in
      let words = section.words.prefix { $0 != name && !$0.hasPrefix("--") }
      return .element(
        "section", [:],
        .element("h2", [:], HTML(section.title))
          + shown(section.answer, path: words.joined(separator: "/"), values: ["p.NAME": name]))
    }
    return page(name, session, content + .element("h2", [:], "Change") + .element("ul", [:], links))
  }

  /// Where an account's page is.
  static func personPath(_ name: String) -> String { "/person" + AdminQuery.text([("name", name)]) }
}
