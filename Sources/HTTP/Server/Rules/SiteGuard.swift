import HTTPCore
import Services
import Transport
import WireKit

/// Carries out the rules of one site.
final class SiteGuard: Sendable {
  /// What becomes of a request.
  enum Verdict {
    case proceed
    case reply(HTTPReply)
    /// Somebody has to be asked first.
    case undecided
  }

  let rules: SiteRules
  private let redirects: [PathRule]
  private let rewrites: [PathRule]
  private let limiter: RateLimiter?
  private let pages: ErrorPages?
  private let changes: [(name: String, value: String, known: FieldName)]
  private let desk: LogInDesk
  private let clock: any Clock

  /// - Parameter previous: The guard of the same site before a reload; what it has counted is taken over.
  init(_ rules: SiteRules, previous: SiteGuard?, desk: LogInDesk, clock: any Clock) {
    self.rules = rules
    self.desk = desk
    self.clock = clock
    redirects = PathRule.ordered(rules.redirects)
    rewrites = PathRule.ordered(rules.rewrites)
    limiter = rules.rate.map { rule in
      if let old = previous?.limiter, old.rule == rule { return old }
      return RateLimiter(rule)
    }
    pages = rules.errorPages.isEmpty ? nil : ErrorPages(rules.errorPages)
    changes = rules.fields.sorted { $0.key.lowercased() < $1.key.lowercased() }.map { name, value in
      var fields = Fields()
      fields.append(name, "")
      return (name, value, fields.isEmpty ? .other : fields.knownName(at: 0))
    }
  }

  /// Judges what needs no waiting. Counts the request.
  func admit(_ request: inout HTTPRequest, on connection: Connection) -> Verdict {
    let source = connection.peer.address
    if !rules.networks.isEmpty, !rules.networks.contains(where: { $0.contains(source) }) {
      return .reply(Pages.error(.forbidden))
    }
    if let limiter, let seconds = limiter.take(source, now: clock.now()) {
      var fields = Fields()
      fields.append(.retryAfter, "\(seconds)")
      return .reply(Pages.error(.tooManyRequests, fields: fields))
    }
    if let limit = rules.contentLimit, case .length(let length) = request.content, length > limit {
      return .reply(Pages.error(.contentTooLarge))
    }
    if let target = first(redirects, request) { return .reply(redirect(request, to: target)) }
    if let rule = rules.logIn, rule.covers(request) {
      switch desk.judge(request, rule, on: connection) {
      case .reply(let reply): return .reply(reply)
      case .undecided: return .undecided
      case .granted(let identity): accept(identity, &request)
      }
    }
    rewrite(&request)
    return .proceed
  }

  /// Judges what was undecided, and limits what comes. `nil`: proceed.
  func admitLater(_ request: inout HTTPRequest, _ body: RequestBody, on connection: Connection) async -> HTTPReply? {
    if let limit = rules.contentLimit { body.limit(to: limit) }
    if let rule = rules.logIn, rule.covers(request) {
      switch await desk.judgeLater(request, rule, on: connection) {
      case .granted(let identity): accept(identity, &request)
      case .reply(let reply): return reply
      case .undecided: return Pages.error(.serviceUnavailable)
      }
    }
    rewrite(&request)
    return nil
  }

  /// The reply as this site gives it.
  func finish(_ reply: HTTPReply) -> HTTPReply {
    var reply = reply
    if let page = pages?.page(for: reply, now: clock.now()) { reply = page }
    for change in changes { apply(change, to: &reply) }
    return reply
  }

  private func apply(_ change: (name: String, value: String, known: FieldName), to reply: inout HTTPReply) {
    if let prepared = reply.prepared, Self.contains(prepared.fields, change) {
      // Laid out before: taken apart again, for this reply alone.
      var fields = prepared.fields
      for index in 0..<reply.fields.count {
        fields.append(reply.fields.name(at: index), reply.fields.value(at: index))
      }
      (reply.prepared, reply.fields) = (nil, fields)
    }
    if change.known == .other { reply.fields.remove(named: change.name) } else { reply.fields.remove(change.known) }
    if !change.value.isEmpty { reply.fields.append(change.name, change.value) }
  }

  private static func contains(_ fields: Fields, _ change: (name: String, value: String, known: FieldName)) -> Bool {
    change.known == .other ? fields[change.name] != nil : fields.contains(change.known)
  }

  private func accept(_ identity: AccountIdentity, _ request: inout HTTPRequest) { request.account = identity.name }

  private func rewrite(_ request: inout HTTPRequest) {
    if let target = first(rewrites, request) { request.setPath(Array(target.utf8)) }
  }

  private func first(_ rules: [PathRule], _ request: HTTPRequest) -> String? {
    guard !rules.isEmpty else { return nil }
    return request.withPath { path in
      for rule in rules {
        if let target = rule.apply(to: path) { return target }
      }
      return nil
    }
  }

  private func redirect(_ request: HTTPRequest, to target: String) -> HTTPReply {
    let reads = request.method == .get || request.method == .head
    let query = target.contains("?") ? "" : request.query.map { "?\($0)" } ?? ""
    // What begins with two slashes would lead to another host.
    let location = target.hasPrefix("/") ? "/" + target.drop { $0 == "/" } : target
    return Pages.redirect(reads ? .movedPermanently : .permanentRedirect, to: location + query)
  }
}
