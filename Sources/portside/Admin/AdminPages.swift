import ConsoleCore

/// The administration pages, as HTML. Every form works without a script, and there is none.
struct AdminPages: Sendable {
  let hostname: String
  let tree: CommandTree

  // MARK: The frame

  /// - Parameter session: Who is logged in; `nil` before.
  func page(_ title: String, _ session: AdminSessions.Session?, _ content: HTML) -> String {
    let navigation: HTML =
      session.map { session in
        .element(
          "nav", [:],
          HTML.each(Self.menu) { .link("/c/" + $0.path, HTML($0.title)) } + .link("/commands", "all commands"))
          + .element(
            "form", ["method": "post", "action": "/logout", "class": "who"],
            HTML(session.account) + token(session) + .element("button", [:], "log out"))
      } ?? .empty
    let body: HTML = .element(
      "body", [:],
      .element("header", [:], .element("a", ["href": "/", "class": "home"], HTML(hostname)) + navigation)
        + .element("main", [:], .element("h1", [:], HTML(title)) + content))
    let head: HTML = .element(
      "head", [:],
      .element("meta", ["charset": "utf-8"])
        + .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
        + .element("link", ["rel": "stylesheet", "href": "/style.css"])
        + .element("title", [:], HTML("\(title) – \(hostname)")))
    return "<!doctype html>\n" + HTML.element("html", ["lang": "en"], head + body).markup + "\n"
  }

  private static let menu: [(title: String, path: String)] = [
    ("sessions", "show/sessions"), ("accounts", "show/accounts"), ("zones", "show/zones"), ("leases", "show/leases"),
    ("mail queue", "show/mail/queue"), ("certificates", "show/certificates"), ("penalties", "show/penalties"),
    ("audit", "show/audit"), ("log", "show/log"),
  ]

  private func token(_ session: AdminSessions.Session) -> HTML {
    .element("input", ["type": "hidden", "name": "form", "value": session.formToken])
  }

  // MARK: Pages

  func logIn(failure: String?) -> String {
    let form: HTML =
      field("Account", "name", type: "text", completion: "username")
      + field("Password", "password", type: "password", completion: "current-password")
      + field("Code of the second factor, if you have one", "code", type: "text", completion: "one-time-code")
      + .element("button", [:], "log in")
    return page(
      "Log in", nil,
      note(failure, isFailure: true) + .element("form", ["method": "post", "action": "/login", "class": "stack"], form))
  }

  func overview(_ session: AdminSessions.Session, _ sections: [(title: String, path: String, answer: ConsoleAnswer)])
    -> String
  {
    let content = HTML.each(sections) { section in
      .element(
        "section", [:],
        .element("h2", [:], .link("/c/" + section.path, HTML(section.title)))
          + shown(section.answer, path: section.path))
    }
    return page("Overview", session, content)
  }

  func commands(_ session: AdminSessions.Session) -> String {
    let rows = HTML.each(tree.commands) { command in
      .element(
        "tr", [:],
        .element("td", [:], .link(Self.path(of: command), HTML(command.usage)))
          + .element("td", [:], HTML(command.summary)))
    }
    return page("All commands", session, .element("table", [:], .element("tbody", [:], rows)))
  }

  /// A command's form, and below it what it answered.
  func command(
    _ command: Command, _ values: [String: String], _ answer: ConsoleAnswer?, _ session: AdminSessions.Session
  ) -> String {
    var fields = HTML.each(command.parameters) { parameter in
      field(
        parameter.isOptional ? "\(parameter.name) (if wanted)" : parameter.name, "p." + parameter.name, type: "text",
        value: values["p." + parameter.name])
    }
    fields += HTML.each(command.options) { option in
      guard option.value != nil else {
        return .element(
          "label", ["class": "flag"],
          .element(
            "input",
            [
              "type": "checkbox", "name": "o." + option.name, "value": "on",
              "checked": values["o." + option.name] == nil ? nil : "",
            ]) + HTML(option.name))
      }
      return field(option.name, "o." + option.name, type: "text", value: values["o." + option.name])
    }
    if case .secretNeeded(let prompt) = answer {
      fields += field(prompt, "secret", type: "password", completion: "new-password")
      fields += field("The same again", "again", type: "password", completion: "new-password")
    }
    let reads = !command.columns.isEmpty
    let form: HTML = .element(
      "form", ["method": reads ? "get" : "post", "action": Self.path(of: command), "class": "stack"],
      fields + (reads ? .empty : token(session)) + .element("button", [:], HTML(reads ? "show" : command.name)))
    let needsForm = !reads || !command.parameters.isEmpty || !command.options.isEmpty
    let result = answer.map { shown($0, path: Self.path(of: command), values: values) } ?? .empty
    return page(
      command.name, session,
      .element("p", ["class": "dim"], HTML(command.summary)) + (needsForm ? form : .empty) + result)
  }

  func message(_ title: String, _ text: String, _ session: AdminSessions.Session?) -> String {
    page(title, session, note(text, isFailure: true))
  }

  static func path(of command: Command) -> String { "/c/" + command.words.joined(separator: "/") }

  // MARK: Parts

  private func field(
    _ label: String, _ name: String, type: String, value: String? = nil, completion: String? = nil
  ) -> HTML {
    .element(
      "label", [:],
      HTML(label)
        + .element("input", ["type": type, "name": name, "value": value, "autocomplete": completion ?? "off"]))
  }

  private func note(_ text: String?, isFailure: Bool) -> HTML {
    text.map { .element("p", ["class": isFailure ? "failure" : "done", "role": "status"], HTML($0)) } ?? .empty
  }

  func shown(_ answer: ConsoleAnswer, path: String, values: [String: String] = [:]) -> HTML {
    switch answer {
    case .done(let text): return note(text, isFailure: false)
    case .failure(let text): return note(text, isFailure: true)
    case .secretNeeded: return .empty
    case .secrets(let text, let secrets):
      let rows = HTML.each(secrets) {
        .element("dt", [:], HTML($0.name)) + .element("dd", [:], .element("code", [:], HTML($0.value)))
      }
      return note(text, isFailure: false) + .element("dl", [:], rows)
        + .element("p", ["class": "dim"], "It is shown this once.")
    case .listing(let listing): return table(listing, path, values) + next(listing, path, values)
    }
  }

  private func table(_ listing: Listing, _ path: String, _ values: [String: String]) -> HTML {
    guard !listing.rows.isEmpty else { return .element("p", ["class": "dim"], "nothing") }
    let name = (path.hasPrefix("/c/") ? String(path.dropFirst(3)) : path).split(separator: "/").joined(separator: " ")
    let links = (AdminRowLink.all[name] ?? []).filter { tree.command(named: $0.command) != nil }
    let isPeople = name == "show accounts" || name == "account list"
    var head = HTML.each(listing.columns) { .element("th", ["scope": "col"], HTML($0)) }
    if !links.isEmpty { head += .element("th", ["scope": "col"], "change") }
    let body = HTML.each(listing.rows) { row in
      var cells = HTML.each(row.indices) { index in
        let isName = isPeople && listing.columns[index] == "name"
        return .element("td", [:], isName ? .link(Self.personPath(row[index]), HTML(row[index])) : HTML(row[index]))
      }
      if !links.isEmpty {
        let found = HTML.each(links) { link in
          link.target(listing.columns, row, values).map { .link($0, HTML(link.label)) + " " } ?? .empty
        }
        cells += .element("td", [:], found)
      }
      return .element("tr", [:], cells)
    }
    return .element(
      "div", ["class": "wide", "tabindex": "0"],
      .element("table", [:], .element("thead", [:], .element("tr", [:], head)) + .element("tbody", [:], body)))
  }

  private func next(_ listing: Listing, _ path: String, _ values: [String: String]) -> HTML {
    guard let next = listing.next else { return .empty }
    let kept = values.filter { $0.key.hasPrefix("p.") || $0.key.hasPrefix("o.") }.sorted { $0.key < $1.key }
    let query = AdminQuery.text(kept.map { ($0.key, $0.value) } + [("after", next)])
    return .element("p", [:], .link((path.hasPrefix("/") ? path : "/c/" + path) + query, "more"))
  }

  static let style = """
    :root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 20%,transparent)}
    *{box-sizing:border-box}body{margin:0;font:1rem/1.5 system-ui,sans-serif}
    header{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;align-items:center;padding:.6rem 1rem;border-bottom:1px solid var(--line)}
    .home{font-weight:700}nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem}.who{margin-left:auto;display:flex;gap:.6rem;align-items:center}
    main{max-width:80rem;margin:0 auto;padding:0 1rem 3rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-bottom:.3rem}
    .wide{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line)}
    th{font-weight:600;white-space:nowrap}.dim{opacity:.75}.failure,.done{padding:.5rem .8rem;border-left:.3rem solid #c33}.done{border-color:#393}
    .stack{display:grid;gap:.7rem;max-width:26rem}label{display:grid;gap:.15rem}.flag{display:flex;gap:.5rem}
    input{font:inherit;padding:.35rem}button{font:inherit;padding:.35rem .9rem;justify-self:start}dt{font-weight:600}dd{margin:0 0 .5rem}
    """
}
