import ACMECore
import HTTPCore
import HTTPServer
import NIOPosix
import Services
import Synchronization
import Transport
import WireKit

/// A private authority for ACME clients (RFC 8555): certbot, lego, acme.sh. Proof is by http-01.
///
/// Accounts and orders are kept by the store; what is issued, by whoever is given as `issue`.
public final class ACMESite: SiteHandler {
  /// Octets of a request.
  private static let largest = 131_072

  let configuration: ACMEServerConfiguration
  let book: OrderBook
  private let nonces = NonceBook()
  let clock: any Clock
  let events: any EventSink
  private let issue: @Sendable (_ request: [UInt8], _ names: [String]) throws -> String
  private let namesOfRequest: @Sendable ([UInt8]) -> [String]?
  let validator: any ChallengeValidator

  /// - Parameters:
  ///   - namesOfRequest: The names that a PKCS#10 request asks for; `nil` when it can't be used.
  ///   - issue: Issues for a request and names that were proved; the chain as PEM. Blocks.
  public init(
    _ configuration: ACMEServerConfiguration, store: any ACMEStore, clock: any Clock, events: any EventSink,
    validator: any ChallengeValidator, namesOfRequest: @escaping @Sendable ([UInt8]) -> [String]?,
    issue: @escaping @Sendable (_ request: [UInt8], _ names: [String]) throws -> String
  ) {
    self.configuration = configuration
    self.clock = clock
    self.events = events
    self.validator = validator
    self.issue = issue
    self.namesOfRequest = namesOfRequest
    book = OrderBook(store, configuration)
  }

  var now: Int64 { clock.wallTime().seconds }

  public func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    guard configuration.networks.contains(where: { $0.contains(connection.peer.address) }) else {
      return Pages.error(.forbidden)
    }
    // What protects the requests is their signature; the certificates must not be had by anybody in between.
    guard connection.isEncrypted else {
      return reply(ACMEProblem("malformed", "ACME is spoken inside TLS", status: 403))
    }
    let base = Self.base(request)
    let words = request.path.split(separator: "/").map(String.init)
    do {
      switch (request.method, words.first, words.count) {
      case (.get, "directory", 1), (.head, "directory", 1): return reply(.ok, directory(base))
      case (.get, "new-nonce", 1), (.head, "new-nonce", 1):
        var answer = HTTPReply(request.method == .head ? .ok : .noContent)
        answer.fields = fields()
        return answer
      case (.post, _, _):
        var content: [UInt8] = []
        for try await chunk in body {
          content += Array(buffer: chunk)
          guard content.count <= Self.largest else { return Pages.error(.contentTooLarge) }
        }
        return try await post(request, words, content, base)
      default: return reply(ACMEProblem("malformed", "there is no such resource", status: 404))
      }
    } catch let problem as ACMEProblem {
      return reply(problem)
    } catch {
      return reply(ACMEProblem("serverInternal", "the authority failed", status: 500))
    }
  }

  // MARK: What every answer has

  /// The URL of our resources, as the client reached us: the web worker tells.
  private static func base(_ request: HTTPRequest) -> String {
    let host = request.fields[.xForwardedHost] ?? request.host
    let prefix = request.fields["X-Forwarded-Prefix"] ?? request.base
    return "https://\(host)\(prefix)"
  }

  func fields(_ base: String? = nil) -> Fields {
    var fields = Fields()
    fields.append("Replay-Nonce", nonces.make(now: now))
    fields.append(.cacheControl, "no-store" as StaticString)
    if let base { fields.append(.link, "<\(base)/directory>;rel=\"index\"") }
    return fields
  }

  func reply(_ status: Status, _ value: JSONValue, location: String? = nil, base: String? = nil) -> HTTPReply {
    var fields = fields(base)
    fields.append(.contentType, "application/json" as StaticString)
    if let location { fields.append(.location, location) }
    return HTTPReply(status, fields: fields, content: .bytes(value.bytes))
  }

  func reply(_ problem: ACMEProblem) -> HTTPReply {
    var fields = fields()
    fields.append(.contentType, "application/problem+json" as StaticString)
    return HTTPReply(Status(problem.status), fields: fields, content: .bytes(problem.value.bytes))
  }

  private func directory(_ base: String) -> JSONValue {
    var fields: [String: JSONValue] = [:]
    for (name, path) in [
      ("newNonce", "new-nonce"), ("newAccount", "new-account"), ("newOrder", "new-order"),
      ("revokeCert", "revoke-cert"),
      ("keyChange", "key-change"),
    ] { fields[name] = .string("\(base)/\(path)") }
    fields["meta"] = ["externalAccountRequired": .bool(configuration.binding != nil)]
    return .object(fields)
  }

  // MARK: Signed requests

  private func post(
    _ request: HTTPRequest, _ words: [String], _ content: [UInt8], _ base: String
  ) async throws -> HTTPReply {
    let type = request.fields[.contentType]?.lowercased()
    guard type == "application/jose+json" else {
      throw ACMEProblem("malformed", "the content is to be application/jose+json", status: 415)
    }
    guard let signed = SignedRequest(content) else {
      throw ACMEProblem("malformed", "the content is no signed request")
    }
    guard signed.url == base + "/" + words.joined(separator: "/") else {
      throw ACMEProblem("unauthorized", "the request was signed for another URL", status: 401)
    }
    let resource = words.first ?? ""
    if resource == "new-account" { return try await Self.blocking { try self.newAccount(signed, base) } }
    guard case .account(let url) = signed.signer, url.hasPrefix("\(base)/account/"),
      let account = try await Self.blocking({ self.book.account(String(url.dropFirst(base.utf8.count + 9))) }),
      let key = account.publicKey
    else { throw ACMEProblem("accountDoesNotExist", "there is no such account") }
    guard signed.isSigned(by: key) else { throw ACMEProblem("malformed", "the signature is wrong") }
    try takeNonce(signed)
    guard account.status == "valid" else {
      throw ACMEProblem("unauthorized", "the account is deactivated", status: 401)
    }
    let payload = signed.payload
    return try await Self.blocking { [self] in
      switch (resource, words.count) {
      case ("account", 2) where words[1] == account.id: return try changeAccount(account, payload, base)
      case ("account", 3) where words[1] == account.id && words[2] == "orders":
        return reply(.ok, ["orders": .array(account.orders.map { .string("\(base)/order/\($0)") })])
      case ("new-order", 1): return try newOrder(account, payload, base)
      case ("order", 2): return try reply(.ok, orderValue(order(words[1], account), base), base: base)
      case ("order", 3) where words[2] == "finalize": return try finalize(order(words[1], account), payload, base)
      case ("authorization", 3): return try authorization(words, account, payload, base)
      case ("challenge", 3): return try challenge(words, account, key, payload, base)
      case ("certificate", 2):
        guard let chain = try order(words[1], account).certificate else {
          throw ACMEProblem("malformed", "it is not issued", status: 404)
        }
        var fields = fields(base)
        fields.append(.contentType, "application/pem-certificate-chain" as StaticString)
        return HTTPReply(.ok, fields: fields, content: .bytes(Array(chain.utf8)))
      case ("revoke-cert", 1), ("key-change", 1):
        throw ACMEProblem(
          "serverInternal", "this authority does not do that; its certificates live shortly", status: 501)
      default: throw ACMEProblem("malformed", "there is no such resource", status: 404)
      }
    }
  }

  func takeNonce(_ signed: SignedRequest) throws {
    guard let nonce = signed.nonce, nonces.use(nonce, now: now) else {
      throw ACMEProblem("badNonce", "the nonce is not ours, too old, or was used")
    }
  }

  func order(_ id: String, _ account: AccountRecord) throws -> OrderRecord {
    guard let order = book.order(id), order.account == account.id else {
      throw ACMEProblem("malformed", "there is no such order", status: 404)
    }
    return order
  }

  /// Issues what was proved, once.
  func finalize(_ order: OrderRecord, _ payload: [UInt8], _ base: String) throws -> HTTPReply {
    guard order.status(at: now) == "ready" else {
      throw ACMEProblem("orderNotReady", "the order is \(order.status(at: now))", status: 403)
    }
    guard let request = JSONValue(payload)?["csr"]?.string.flatMap(Base64URL.decode),
      let names = namesOfRequest(request)
    else { throw ACMEProblem("badCSR", "the request can't be used: a PKCS#10 with names, signed by its own key") }
    guard Set(names) == Set(order.names) else { throw ACMEProblem("badCSR", "the request is for other names") }
    let finished = try book.change(order.id) { order in
      guard order.status(at: self.now) == "ready" else {
        throw ACMEProblem("orderNotReady", "the order was finalised", status: 403)
      }
      do { order.certificate = try self.issue(request, order.names) } catch {
        order.problem = ["serverInternal", "the authority could not issue"]
      }
    }
    tell(
      finished.certificate == nil ? .error : .notice,
      finished.certificate == nil
        ? "the private authority could not issue" : "the private authority has issued by ACME",
      [.init("names", .string(finished.names.joined(separator: " "))), .init("account", .string(finished.account))])
    return reply(.ok, orderValue(finished, base), location: "\(base)/order/\(finished.id)", base: base)
  }

  func tell(_ severity: Event.Severity, _ message: StaticString, _ fields: [Event.Field]) {
    events.emit(
      Event(time: clock.wallTime(), severity: severity, kind: .audit, message: message, service: .https, fields: fields)
    )
  }

  static func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await NIOThreadPool.singleton.runIfActive(body)
  }
}
