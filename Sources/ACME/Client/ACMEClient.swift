import ACMECore
import HTTPClient
import HTTPCore
import NIOCore

/// A client of certificate authorities that speak ACME (RFC 8555): one authority, one account.
///
/// ```swift
/// let client = ACMEClient(.init(directory: directory), key: AccountKey(), group: group)
/// let pem = try await client.obtain(["www.lab.test"], request: csr, solver: solver)
/// ```
public actor ACMEClient {
  public struct Configuration: Sendable {
    public var directory: HTTPURL
    /// `mailto:it@lab.test`
    public var contacts: [String]
    /// What ties the account to one that the authority knows otherwise.
    public var externalBinding: ExternalBinding?
    /// DER certificates that the authority's server is judged by; empty: the system's.
    public var trustRoots: [[UInt8]]
    /// Between two looks at what the authority is working on, unless it says otherwise.
    public var pollInterval: Duration
    /// For one order, from its beginning to the certificate.
    public var timeLimit: Duration

    public init(
      directory: HTTPURL, contacts: [String] = [], externalBinding: ExternalBinding? = nil, trustRoots: [[UInt8]] = [],
      pollInterval: Duration = .seconds(1), timeLimit: Duration = .seconds(180)
    ) {
      self.directory = directory
      self.contacts = contacts
      self.externalBinding = externalBinding
      self.trustRoots = trustRoots
      self.pollInterval = pollInterval
      self.timeLimit = timeLimit
    }
  }

  public struct ExternalBinding: Sendable {
    public var keyID: String
    public var secret: [UInt8]
    public init(keyID: String, secret: [UInt8]) {
      self.keyID = keyID
      self.secret = secret
    }
  }

  private let configuration: Configuration
  private let key: AccountKey
  private let http: HTTPClient
  private var endpoints: JSONValue?
  private var nonces: [String] = []
  /// The account's URL, once it is known.
  public private(set) var account: String?

  public init(_ configuration: Configuration, key: AccountKey, account: String? = nil, group: any EventLoopGroup) {
    self.configuration = configuration
    self.key = key
    self.account = account
    http = HTTPClient(
      group: group,
      configuration: .init(trustRoots: configuration.trustRoots, timeoutSeconds: 30, maximumContent: 1 << 20))
  }

  // MARK: Certificates

  /// Has a certificate issued. Returns the chain as PEM.
  ///
  /// - Parameters:
  ///   - request: PKCS#10, DER, for exactly these names.
  ///   - replacing: The identifier (RFC 9773 §4.1) of the certificate that it takes the place of.
  public func obtain(
    _ names: [String], request: [UInt8], solver: any ChallengeSolver, replacing: String? = nil
  ) async throws -> [UInt8] {
    let end = ContinuousClock.now + configuration.timeLimit
    try await enrol()
    var order: JSONValue = ["identifiers": .array(names.map(Self.identifier))]
    // Told only to those who know of it: others refuse what they don't know.
    if let replacing, try await directory()["renewalInfo"] != nil, case .object(var fields) = order {
      fields["replaces"] = .string(replacing)
      order = .object(fields)
    }
    let created: Answer
    do { created = try await post(try await endpoint("newOrder"), order) } catch let problem as ACMEProblem
      where problem.type == "alreadyReplaced"
    {
      created = try await post(
        try await endpoint("newOrder"), ["identifiers": .array(names.map(Self.identifier))])
    }
    guard let url = created.location, let authorizations = created.value["authorizations"]?.strings,
      let finalize = created.value["finalize"]?.string
    else { throw ACMEProblem("serverInternal", "an order without its parts") }
    for authorization in authorizations { try await authorize(authorization, solver, until: end) }
    var state = try await wait(for: url, until: end) { ["pending", "processing"].contains($0) }
    guard state["status"]?.string == "ready" || state["status"]?.string == "valid" else { throw failure(state) }
    if state["status"]?.string == "ready" {
      _ = try await post(finalize, ["csr": .string(Base64URL.encode(request))])
      state = try await wait(for: url, until: end) { ["pending", "ready", "processing"].contains($0) }
    }
    guard state["status"]?.string == "valid", let certificate = state["certificate"]?.string else {
      throw failure(state)
    }
    return try await post(certificate, nil).content
  }

  private static func identifier(_ name: String) -> JSONValue { ["type": "dns", "value": .string(name)] }

  private func failure(_ state: JSONValue) -> ACMEProblem {
    let error = state["error"]
    return ACMEProblem(
      error?["type"]?.string.map { $0.split(separator: ":").last.map(String.init) ?? $0 } ?? "serverInternal",
      error?["detail"]?.string ?? "the order ended as \(state["status"]?.string ?? "nothing")")
  }

  /// Answers one challenge of an authorization, unless it is valid from before.
  private func authorize(
    _ url: String, _ solver: any ChallengeSolver, until end: ContinuousClock.Instant
  ) async throws {
    let authorization = try await post(url, nil).value
    guard authorization["status"]?.string == "pending" else {
      guard authorization["status"]?.string == "valid" else { throw failure(authorization) }
      return
    }
    let name = authorization["identifier"]?["value"]?.string ?? ""
    let isWildcard = authorization["wildcard"]?.bool == true
    let challenges = authorization["challenges"]?.array ?? []
    let wanted = solver.types(for: name, isWildcard: isWildcard)
    for type in wanted {
      guard let challenge = challenges.first(where: { $0["type"]?.string == type.rawValue }),
        let token = challenge["token"]?.string, let target = challenge["url"]?.string, Self.isToken(token)
      else { continue }
      let answer = ChallengeAnswer(
        type: type, name: name, token: token, keyAuthorization: key.publicKey.keyAuthorization(token))
      try await solver.present(answer)
      do {
        _ = try await post(target, .object([:]))
        let state = try await wait(for: url, until: end) { $0 == "pending" || $0 == "processing" }
        await solver.withdraw(answer)
        guard state["status"]?.string == "valid" else { throw challengeFailure(state, type, name) }
        return
      } catch {
        await solver.withdraw(answer)
        throw error
      }
    }
    throw ACMEProblem("unauthorized", "the authority offers no challenge for \(name) that can be answered here")
  }

  private func challengeFailure(_ state: JSONValue, _ type: ChallengeType, _ name: String) -> ACMEProblem {
    let error = (state["challenges"]?.array ?? []).compactMap { $0["error"] }.first
    let kind = error?["type"]?.string?.split(separator: ":").last.map(String.init)
    return ACMEProblem(
      kind ?? "unauthorized", "\(type.rawValue) for \(name): \(error?["detail"]?.string ?? "refused without a reason")")
  }

  /// Base64url and long enough (RFC 8555 §8.1): it becomes a path of ours.
  private static func isToken(_ text: String) -> Bool {
    (16...256).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
          || $0 == 0x5F
      }
  }

  private func wait(
    for url: String, until end: ContinuousClock.Instant, while isGoingOn: (String) -> Bool
  ) async throws -> JSONValue {
    while true {
      let answer = try await post(url, nil)
      guard isGoingOn(answer.value["status"]?.string ?? "") else { return answer.value }
      let pause = answer.retryAfter.map { Duration.seconds(min(max($0, 1), 60)) } ?? configuration.pollInterval
      guard ContinuousClock.now + pause < end else {
        throw ACMEProblem("serverInternal", "the authority did not come to an end in time")
      }
      try await Task.sleep(for: pause)
    }
  }

  // MARK: Renewal information

  /// When a certificate should be renewed, by its issuer's own word (RFC 9773): seconds since 1970 from and until; `nil`
  /// where the authority says nothing of it.
  public func renewalWindow(of identifier: String) async throws -> (window: Range<Int64>, retryAfter: Int64?)? {
    guard let base = try await directory()["renewalInfo"]?.string, let url = url("\(base)/\(identifier)") else {
      return nil
    }
    let exchange = try await http.get(url)
    guard exchange.response.status == .ok, let value = JSONValue(exchange.content),
      let start = value["suggestedWindow"]?["start"]?.string.flatMap(TimeText.seconds),
      let end = value["suggestedWindow"]?["end"]?.string.flatMap(TimeText.seconds), start < end
    else { return nil }
    return (start..<end, exchange.response.fields[.retryAfter].flatMap { Int64($0) })
  }

  // MARK: Account

  /// The account of our key: the one that there is, or a new one. Having it made says yes to the authority's terms.
  private func enrol() async throws {
    guard account == nil else { return }
    let target = try await endpoint("newAccount")
    var fields: [String: JSONValue] = ["termsOfServiceAgreed": true]
    if !configuration.contacts.isEmpty { fields["contact"] = .array(configuration.contacts.map { .string($0) }) }
    if let binding = configuration.externalBinding {
      fields["externalAccountBinding"] = try key.externalBinding(
        keyID: binding.keyID, secret: binding.secret, url: target)
    }
    guard let location = try await post(target, .object(fields)).location else {
      throw ACMEProblem("serverInternal", "an account without a URL")
    }
    account = location
  }

  // MARK: Requests

  private struct Answer {
    var value: JSONValue
    var content: [UInt8]
    var location: String?
    var retryAfter: Int64?
  }

  /// Signed, with a fresh nonce; once more when the authority does not take the nonce (RFC 8555 §6.5).
  private func post(_ target: String, _ payload: JSONValue?) async throws -> Answer {
    guard let url = url(target) else { throw ACMEProblem("serverInternal", "the authority gave a URL that is none") }
    var attempts = 0
    while true {
      let content = try key.sign(payload, url: target, nonce: try await nonce(), account: account)
      var fields = Fields()
      fields.append(.contentType, "application/jose+json" as StaticString)
      fields.append(.userAgent, "portside" as StaticString)
      let exchange = try await http.perform(.post, url, fields: fields, content: content)
      keepNonce(exchange)
      let status = exchange.response.status.code
      guard status >= 400 else {
        return Answer(
          value: JSONValue(exchange.content) ?? .null, content: exchange.content,
          location: exchange.response.fields[.location],
          retryAfter: exchange.response.fields[.retryAfter].flatMap { Int64($0) })
      }
      let problem = ACMEProblem(exchange.content, status: status)
      attempts += 1
      if problem.type == "accountDoesNotExist" { account = nil }
      guard problem.type == "badNonce", attempts < 10 else { throw problem }
    }
  }

  private func keepNonce(_ exchange: HTTPExchange) {
    if let nonce = exchange.response.fields["Replay-Nonce"], nonces.count < 8 { nonces.append(nonce) }
  }

  private func nonce() async throws -> String {
    if let nonce = nonces.popLast() { return nonce }
    guard let url = url(try await endpoint("newNonce")) else {
      throw ACMEProblem("serverInternal", "the authority gave a URL that is none")
    }
    keepNonce(try await http.head(url))
    guard let nonce = nonces.popLast() else { throw ACMEProblem("serverInternal", "the authority gave no nonce") }
    return nonce
  }

  private func endpoint(_ name: String) async throws -> String {
    guard let url = try await directory()[name]?.string else {
      throw ACMEProblem("serverInternal", "the authority's directory has no \(name)")
    }
    return url
  }

  private func directory() async throws -> JSONValue {
    if let endpoints { return endpoints }
    let exchange = try await http.get(configuration.directory)
    guard exchange.response.status == .ok, let value = JSONValue(exchange.content), value.isObject else {
      throw ACMEProblem(exchange.content, status: exchange.response.status.code)
    }
    endpoints = value
    return value
  }

  /// A URL of the authority's: never in plain text where its directory is inside TLS.
  private func url(_ text: String) -> HTTPURL? {
    guard let url = HTTPURL(text), url.isSecure || !configuration.directory.isSecure else { return nil }
    return url
  }
}

/// Makes visible at a name what a challenge asks for.
public protocol ChallengeSolver: Sendable {
  /// What can be answered for a name, best first.
  func types(for name: String, isWildcard: Bool) -> [ChallengeType]
  /// Returns once it can be seen.
  func present(_ answer: ChallengeAnswer) async throws
  func withdraw(_ answer: ChallengeAnswer) async
}
