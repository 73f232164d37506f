import Configuration
import ConsoleCore
import Foundation
import Gate
import HTTPCore
import HTTPServer
import Services
import Transport
import WireKit

/// The administration pages and their HTTP API: the console's commands, as forms and tables, and as JSON.
///
/// It runs in the gate, which judges log-ins and decides who may do what: each command is checked there anew, whoever asks.
final class AdminSite: SiteHandler {
  private let parts: GateParts
  private let console: GateConsole
  private let pages: AdminPages
  private let sessions: AdminSessions
  private let section: AdminSection

  /// Longest form or JSON that is taken, in octets.
  private static let maximumContent = 65_536
  private static let cookie = "portside"

  init?(_ settings: WorkerSettings, _ parts: GateParts, numbers: SessionNumbers) {
    guard let console = parts.console else { return nil }
    self.parts = parts
    self.console = console
    section = settings.configuration.admin
    let tree = CommandTree(console.tree.commands.filter { $0.place == .server && !$0.follows })
    pages = AdminPages(hostname: settings.configuration.server.hostname.description, tree: tree)
    sessions = AdminSessions(clock: parts.clock, register: parts.sessions, numbers: numbers)
  }

  func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    guard section.from.isEmpty || section.from.contains(where: { $0.contains(connection.peer.address) }) else {
      return Self.page(.forbidden, pages.message("Not from here", "These pages are for other networks.", nil))
    }
    let content: [UInt8]
    switch request.method {
    case .get, .head: content = []
    case .post:
      guard let octets = await Self.content(body) else { return Pages.error(.contentTooLarge) }
      content = octets
    default: return notAllowed(request)
    }
    // Another site's page may send a form here; a browser says that it did (Fetch Metadata), and its forms lack our token.
    if request.method == .post, let site = request.fields[.secFetchSite], site != "same-origin", site != "none" {
      return Pages.error(.forbidden)
    }
    if request.path.hasPrefix("/api/v1/") { return await api(request, content, connection) }
    return await browse(request, content, connection)
  }

  // MARK: Pages

  private func browse(_ request: HTTPRequest, _ content: [UInt8], _ connection: Connection) async -> HTTPReply {
    let form = FormFields(request.method == .post ? String(decoding: content, as: UTF8.self) : request.query ?? "")
    if request.path == "/style.css" {
      return Self.reply(.ok, "text/css; charset=utf-8", AdminPages.style, cache: "max-age=3600")
    }
    if request.path == "/login", request.method == .post { return await logIn(form, connection) }
    let token = cookieToken(request)
    guard let session = token.flatMap(sessions.session) else {
      guard request.path == "/" || request.path == "/login" else { return Self.redirect("/login") }
      return Self.page(.ok, pages.logIn(failure: nil))
    }
    if request.method == .post, form["form"] != session.formToken {
      return Self.page(
        .forbidden, pages.message("Not sent", "The form was not one of these pages'. Go back and try again.", session))
    }
    switch request.path {
    case "/": return Self.page(.ok, await overview(session))
    case "/login": return Self.redirect("/")
    case "/person": return await person(form["name"] ?? "", session)
    case "/commands": return Self.page(.ok, pages.commands(session))
    case "/logout" where request.method == .post:
      if let token { sessions.end(token) }
      return Self.redirect("/login", cookie: expiredCookie(connection))
    default: return await command(request, form, session)
    }
  }

  private func command(
    _ request: HTTPRequest, _ form: FormFields, _ session: AdminSessions.Session
  ) async -> HTTPReply {
    guard let command = named(request.path, below: "/c/") else {
      return Self.page(.notFound, pages.message("Not found", "There is no such page.", session))
    }
    let isComplete = command.parameters.allSatisfy { $0.isOptional || !(form["p." + $0.name] ?? "").isEmpty }
    // What changes something is never done by following a link.
    guard command.columns.isEmpty ? request.method == .post : isComplete else {
      return Self.page(.ok, pages.command(command, form.all, nil, session))
    }
    guard isComplete else {
      let missing = ConsoleAnswer.failure("fill in: \(command.usage)")
      return Self.page(.ok, pages.command(command, form.all, missing, session))
    }
    var secret: HiddenText?
    if let typed = form["secret"] {
      guard typed == form["again"] else {
        let differs = ConsoleAnswer.failure("the two differ: nothing was changed")
        return Self.page(.ok, pages.command(command, form.all, differs, session))
      }
      secret = HiddenText(Array(typed.utf8))
    }
    let call = ConsoleCall(words: Self.words(command, form.all), after: form["after"], secret: secret)
    let answer = await console.perform(call, account: session.account, session: session.record)
    return Self.page(.ok, pages.command(command, form.all, answer, session))
  }

  /// The commands whose answers stand on the first page, as far as the account may see them.
  private func overview(_ session: AdminSessions.Session) async -> String {
    var sections: [(title: String, path: String, answer: ConsoleAnswer)] = []
    for name in ["show workers", "show penalties", "show sessions", "show certificates"] {
      let words = name.split(separator: " ").map(String.init)
      let answer = await console.perform(
        ConsoleCall(words: words), account: session.account, session: session.record)
      if case .listing = answer {
        sections.append((words.dropFirst().joined(separator: " "), words.joined(separator: "/"), answer))
      }
    }
    return pages.overview(session, sections)
  }

  /// All about one account, as far as the one who asks may see it.
  private func person(_ name: String, _ session: AdminSessions.Session) async -> HTTPReply {
    var sections: [(title: String, words: [String], answer: ConsoleAnswer)] = []
    // A name is a value here, whatever it looks like.
    guard !name.isEmpty, !name.hasPrefix("-") else {
      return Self.page(.notFound, pages.message("Not found", "There is no such account.", session))
    }
    for section in AdminPages.personSections(name) {
      let answer = await console.perform(
        ConsoleCall(words: section.words), account: session.account, session: session.record)
      if sections.isEmpty, case .failure(let text) = answer {
        return Self.page(.notFound, pages.message("Not shown", text, session))
      }
      sections.append((section.title, section.words, answer))
    }
    return Self.page(.ok, pages.person(name, sections, session))
  }

  // MARK: Log-in

  private func logIn(_ form: FormFields, _ connection: Connection) async -> HTTPReply {
    switch await attempt(form["name"] ?? "", form["password"] ?? "", form["code"] ?? "", connection) {
    case .granted(let identity):
      let token = sessions.begin(identity.name, on: connection)
      return Self.redirect(
        "/", cookie: "\(Self.cookie)=\(token); Path=/; HttpOnly; SameSite=Strict\(secure(connection))")
    case .denied: return Self.page(.forbidden, pages.logIn(failure: "The name or the password is not right."))
    case .codeNeeded:
      return Self.page(.forbidden, pages.logIn(failure: "The code of the second factor is needed as well."))
    case .penalised(let seconds):
      return Self.page(.tooManyRequests, pages.logIn(failure: "Too many failures. Try again in \(seconds) seconds."))
    case nil: return Self.page(.serviceUnavailable, pages.logIn(failure: "Nobody can log in at the moment."))
    }
  }

  private func attempt(
    _ name: String, _ password: String, _ code: String, _ connection: Connection
  ) async -> LogInResult? {
    guard connection.isEncrypted || section.acceptsPlaintext(from: connection.peer.address) else { return .denied }
    let secret = Secret(password)
    let attempt = LogInAttempt(
      name: name, credential: code.isEmpty ? .password(secret) : .passwordAndCode(secret, code: Secret(code)),
      service: .admin, peer: connection.peer, isEncrypted: connection.isEncrypted)
    return try? await parts.accounts.authenticate(attempt)
  }

  private func cookieToken(_ request: HTTPRequest) -> String? {
    for values in request.fields.values(.cookie) {
      for pair in values.split(separator: ";") {
        let parts = pair.trimmingCharacters(in: .whitespaces).split(separator: "=", maxSplits: 1)
        if parts.count == 2, parts[0] == Self.cookie { return String(parts[1]) }
      }
    }
    return nil
  }

  private func secure(_ connection: Connection) -> String { connection.isEncrypted ? "; Secure" : "" }
  private func expiredCookie(_ connection: Connection) -> String {
    "\(Self.cookie)=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict\(secure(connection))"
  }

  // MARK: API

  private func api(_ request: HTTPRequest, _ content: [UInt8], _ connection: Connection) async -> HTTPReply {
    let parsed = content.isEmpty ? [:] : try? JSONSerialization.jsonObject(with: Data(content))
    guard let object = parsed as? [String: Any] else {
      return AdminAPI.failure(.badRequest, "the content is no JSON object")
    }
    if request.path == "/api/v1/openapi.json" { return AdminAPI.reply(.ok, AdminAPI.document(pages.tree)) }
    if request.path == "/api/v1/login" {
      guard request.method == .post else { return notAllowed(request) }
      let (name, password) = (object["name"] as? String ?? "", object["password"] as? String ?? "")
      guard case .granted(let identity) = await attempt(name, password, object["code"] as? String ?? "", connection)
      else { return AdminAPI.failure(.unauthorized, "the log-in was refused") }
      return AdminAPI.reply(.ok, ["token": sessions.begin(identity.name, on: connection)])
    }
    guard let value = request.fields[.authorization], value.hasPrefix("Bearer "),
      let session = sessions.session(String(value.dropFirst(7)))
    else { return AdminAPI.failure(.unauthorized, "log in at /api/v1/login, and send the token as Bearer") }
    guard let command = named(request.path, below: "/api/v1/") else {
      return AdminAPI.failure(.notFound, "there is no such command")
    }
    guard !command.columns.isEmpty || request.method == .post else { return notAllowed(request) }
    let fields = request.method == .post ? AdminAPI.fields(object) : FormFields(request.query ?? "").all
    if let wrong = AdminAPI.unknown(request.method == .post ? object : [:], fields, of: command) {
      return AdminAPI.failure(.badRequest, "'\(command.name)' knows no '\(wrong)'")
    }
    // Without its parameter, `show account` would be read as the beginning of `show accounts`.
    guard command.parameters.allSatisfy({ $0.isOptional || !(fields["p." + $0.name] ?? "").isEmpty }) else {
      return AdminAPI.failure(.badRequest, "parameters are missing: \(command.usage)")
    }
    let secret = (object["secret"] as? String).map { HiddenText(Array($0.utf8)) }
    let call = ConsoleCall(words: Self.words(command, fields), after: fields["after"], secret: secret)
    return AdminAPI.reply(await console.perform(call, account: session.account, session: session.record))
  }

  /// 405 with the methods that would do (RFC 9110 §15.5.6).
  private func notAllowed(_ request: HTTPRequest) -> HTTPReply {
    let isAPI = request.path.hasPrefix("/api/v1/")
    let command = isAPI ? named(request.path, below: "/api/v1/") : nil
    let changes = request.path == "/api/v1/login" || command.map(\.columns.isEmpty) == true
    let text = changes ? "this changes something: use POST" : "use GET, HEAD or POST"
    var reply = isAPI ? AdminAPI.failure(.methodNotAllowed, text) : Pages.error(.methodNotAllowed)
    reply.fields.append(.allow, changes ? "POST" : "GET, HEAD, POST")
    return reply
  }

  // MARK: Commands

  private func named(_ path: String, below prefix: String) -> Command? {
    guard path.hasPrefix(prefix) else { return nil }
    let words = path.dropFirst(prefix.count).split(separator: "/").map(String.init)
    return pages.tree.command(named: words.joined(separator: " "))
  }

  /// The command as the console would have it, from fields `p.NAME` and `o.name`.
  private static func words(_ command: Command, _ fields: [String: String]) -> [String] {
    var words = command.words
    for parameter in command.parameters {
      guard let value = fields["p." + parameter.name], !value.isEmpty else { break }
      words.append(value)
    }
    for option in command.options {
      guard let value = fields["o." + option.name], !value.isEmpty else { continue }
      words.append("--" + option.name)
      if option.value != nil { words.append(value) }
    }
    return words
  }

  private static func content(_ body: RequestBody) async -> [UInt8]? {
    var octets: [UInt8] = []
    do {
      for try await chunk in body {
        octets += Array(buffer: chunk)
        if octets.count > maximumContent { return nil }
      }
    } catch { return nil }
    return octets
  }

  // MARK: Replies

  private static func page(_ status: Status, _ html: String) -> HTTPReply {
    reply(status, "text/html; charset=utf-8", html, cache: "no-store")
  }

  private static func redirect(_ target: String, cookie: String? = nil) -> HTTPReply {
    var reply = reply(.seeOther, "text/plain; charset=utf-8", "", cache: "no-store")
    reply.fields.append(.location, target)
    if let cookie { reply.fields.append(.setCookie, cookie) }
    return reply
  }

  private static func reply(_ status: Status, _ type: String, _ text: String, cache: String) -> HTTPReply {
    var fields = Fields()
    fields.append(.contentType, type)
    fields.append(.cacheControl, cache)
    fields.append(.xContentTypeOptions, "nosniff" as StaticString)
    fields.append(.xFrameOptions, "DENY" as StaticString)
    fields.append(.referrerPolicy, "no-referrer" as StaticString)
    fields.append(
      .contentSecurityPolicy,
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        as StaticString)
    return HTTPReply(status, fields: fields, content: .bytes(Array(text.utf8)))
  }
}
