import Crypto
import HTTPCore
import Services
import Synchronization
import Transport
import WireKit

/// Judges the log-ins of requests by `Authorization: Basic` (RFC 7617), through the accounts of the server.
///
/// Clients send the same words with each request, and a password costs much to judge: what was granted is believed for a
/// minute, for the same words from the same source. Kept is a keyed hash of them.
public final class LogInDesk: Sendable {
  /// What is known of a request's log-in.
  public enum Verdict: Sendable {
    case granted(AccountIdentity)
    /// The answer in its place.
    case reply(HTTPReply)
    /// The accounts have to be asked.
    case undecided
  }

  private struct Grant {
    var identity: AccountIdentity
    var end: MonotonicTime
  }

  private static let maximumGrants = 4096
  private static let grantTime = Duration.seconds(60)

  private let context: ServerContext
  /// Whether a source may send its password in plain text.
  private let acceptsPlainText: @Sendable (IPAddress) -> Bool
  private let key = SymmetricKey(size: .bits256)
  private let grants = Mutex<[HMAC<SHA256>.MAC: Grant]>([:])

  public init(context: ServerContext, acceptsPlainText: @escaping @Sendable (IPAddress) -> Bool = { _ in false }) {
    self.context = context
    self.acceptsPlainText = acceptsPlainText
  }

  /// Judges what needs no waiting.
  public func judge(_ request: HTTPRequest, _ rule: LogInRule, on connection: Connection) -> Verdict {
    guard connection.isEncrypted || acceptsPlainText(connection.peer.address) else {
      // Without a challenge: nobody is to send a password here.
      return .reply(Pages.error(.forbidden))
    }
    guard request.fields.count(of: .authorization) == 1,
      let key = request.fields.withValue(.authorization, { self.hash($0, connection.peer.address) })
    else { return .reply(challenge(rule)) }
    let now = context.clock.now()
    let identity = grants.withLock { grants -> AccountIdentity? in
      guard let grant = grants[key] else { return nil }
      guard grant.end > now else {
        grants[key] = nil
        return nil
      }
      return grant.identity
    }
    guard let identity else { return .undecided }
    return permit(identity, rule)
  }

  /// Asks the accounts.
  public func judgeLater(_ request: HTTPRequest, _ rule: LogInRule, on connection: Connection) async -> Verdict {
    switch judge(request, rule, on: connection) {
    case .undecided: break
    case let verdict: return verdict
    }
    guard let credentials = request.fields.withValue(.authorization, { BasicCredentials($0) }) ?? nil,
      let key = request.fields.withValue(.authorization, { self.hash($0, connection.peer.address) })
    else { return .reply(challenge(rule)) }
    let attempt = LogInAttempt(
      name: credentials.name, credential: .password(Secret(credentials.password)), service: connection.service,
      peer: connection.peer, isEncrypted: connection.isEncrypted)
    do throws(ServiceUnavailable) {
      switch try await context.accounts.authenticate(attempt) {
      case .granted(let identity):
        remember(identity, key)
        return permit(identity, rule)
      case .denied, .codeNeeded: return .reply(challenge(rule))
      case .penalised(let seconds):
        var fields = Fields()
        fields.append(.retryAfter, "\(seconds)")
        return .reply(Pages.error(.tooManyRequests, fields: fields))
      }
    } catch {
      return .reply(Pages.error(.serviceUnavailable))
    }
  }

  private func permit(_ identity: AccountIdentity, _ rule: LogInRule) -> Verdict {
    guard rule.permission.map(identity.permits) ?? true else { return .reply(Pages.error(.forbidden)) }
    return .granted(identity)
  }

  private func challenge(_ rule: LogInRule) -> HTTPReply {
    var fields = Fields()
    let realm = rule.realm.filter { $0 != "\"" && $0 != "\\" }
    fields.append(.wwwAuthenticate, "Basic realm=\"\(realm)\", charset=\"UTF-8\"")
    return Pages.error(.unauthorized, fields: fields)
  }

  private func hash(_ value: RawSpan, _ source: IPAddress) -> HMAC<SHA256>.MAC {
    var hash = HMAC<SHA256>(key: key)
    hash.update(data: Array(source.description.utf8))
    value.withUnsafeBytes { hash.update(data: $0) }
    return hash.finalize()
  }

  private func remember(_ identity: AccountIdentity, _ key: HMAC<SHA256>.MAC) {
    let now = context.clock.now()
    grants.withLock { grants in
      if grants.count >= Self.maximumGrants { grants = grants.filter { $0.value.end > now } }
      if grants.count >= Self.maximumGrants { grants.removeAll() }
      grants[key] = Grant(identity: identity, end: now + Self.grantTime)
    }
  }
}
