/// One exchange of SASL (RFC 4422 §3), from the server's side: a machine without I/O.
///
/// The protocol around it carries challenges and responses in its own form (base 64 in the mail protocols); an empty
/// initial response is `[]`, an absent one `nil`. What it can't know it asks by `.question`, and goes on with `resume`.
///
/// ```
/// C: AUTHENTICATE SCRAM-SHA-256        begin(nil)        -> .challenge("")
/// C: n,,n=ann,r=…                      receive           -> .question(.scramParameters)
///                                      resume(.scram)    -> .challenge("r=…,s=…,i=…")
/// C: c=biws,r=…,p=…                    receive           -> .question(.scramProof)
///                                      resume(.granted)  -> .challenge("v=…")
/// C: (empty)                           receive           -> .granted("ann@lab.test")
/// ```
public struct SASLServerExchange: Sendable {
  /// What the server does next.
  public enum Step: Sendable {
    /// Send this, and give the client's answer to `receive`.
    case challenge([UInt8])
    /// Ask, and give the answer to `resume`.
    case question(SASLQuestion)
    /// It is over: this account is logged in.
    case granted(account: String)
    /// It is over.
    case failed(SASLFailure)
  }

  /// Most bytes of one response, decoded. Tokens are the longest.
  public static let maximumResponseLength = 12 * 1024

  enum State: Sendable {
    case start
    case loginName
    case loginPassword(name: String)
    case asked
    case scramFirst
    case scramAsked(SCRAMServer)
    case scramFinal(SCRAMServer)
    case scramJudged(SCRAMServer)
    /// The last word to a client that was granted; its answer must be empty.
    case lastWord(account: String)
    /// The reason of a refused token has been sent; whatever comes back ends the exchange (RFC 7628 §3.2.3).
    case tokenRefused(SASLFailure)
    case over
  }

  public let mechanism: SASLMechanism
  let binding: ChannelBinding?
  /// Whether the bound form of the mechanism was offered as well: a client that says that it was not is being lied to.
  let offersBinding: Bool
  private var state = State.start

  /// `binding`: that of the TLS connection, where there is one and PLUS was offered.
  public init(_ mechanism: SASLMechanism, binding: ChannelBinding? = nil) {
    self.mechanism = mechanism
    self.binding = binding
    offersBinding = binding != nil
  }

  /// Begins, with the client's initial response where its command carried one.
  public mutating func begin(_ initial: [UInt8]?) -> Step {
    guard case .start = state else { return fail(.malformed) }
    switch mechanism {
    case .login:
      state = .loginName
      guard let initial else { return .challenge(Array("Username:".utf8)) }
      return receive(initial)
    case .plain, .oauthBearer, .xoauth2, .scramSHA256, .scramSHA256Plus:
      state = .scramFirst
      guard let initial else { return .challenge([]) }
      return receive(initial)
    }
  }

  /// The client's response to a challenge.
  public mutating func receive(_ response: [UInt8]) -> Step {
    guard response.count <= Self.maximumResponseLength else { return fail(.malformed) }
    switch state {
    case .loginName:
      guard let name = Self.text(response), !name.isEmpty else { return fail(.malformed) }
      state = .loginPassword(name: name)
      return .challenge(Array("Password:".utf8))
    case .loginPassword(let name):
      guard !response.contains(0), !response.isEmpty else { return fail(.malformed) }
      return ask(.password(.init(authorization: "", name: name, password: SASLSecret(response))))
    case .scramFirst: return receiveFirst(response)
    case .scramFinal(var scram):
      guard let proof = scram.receiveFinal(response) else { return fail(.malformed) }
      state = .scramJudged(scram)
      return .question(.scramProof(proof))
    case .lastWord(let account):
      guard response.isEmpty else { return fail(.malformed) }
      state = .over
      return .granted(account: account)
    case .tokenRefused(let failure): return fail(failure)
    case .start, .asked, .scramAsked, .scramJudged, .over: return fail(.malformed)
    }
  }

  /// The answer to a question.
  public mutating func resume(_ answer: SASLAnswer) -> Step {
    switch (state, answer) {
    case (.scramAsked(var scram), .scramParameters(let parameters)):
      let first = scram.answer(parameters)
      state = .scramFinal(scram)
      return .challenge(first)
    case (.scramJudged(let scram), .granted(let account, let signature?)):
      guard scram.mayActAs(account) else { return fail(.denied) }
      state = .lastWord(account: account)
      return .challenge(Array("v=".utf8) + Base64.encode(signature))
    case (.asked, .granted(let account, _)):
      state = .over
      return .granted(account: account)
    case (.asked, .failed(let failure)) where mechanism == .oauthBearer || mechanism == .xoauth2:
      state = .tokenRefused(failure)
      return .challenge(Array(#"{"status":"invalid_token"}"#.utf8))
    case (_, .failed(let failure)): return fail(failure)
    default: return fail(.malformed)
    }
  }

  private mutating func receiveFirst(_ response: [UInt8]) -> Step {
    switch mechanism {
    case .plain:
      guard let proof = PasswordProof(plain: response) else { return fail(.malformed) }
      return ask(.password(proof))
    case .oauthBearer:
      guard let token = BearerToken(oauthBearer: response) else { return fail(.malformed) }
      return ask(.token(token))
    case .xoauth2:
      guard let token = BearerToken(xoauth2: response) else { return fail(.malformed) }
      return ask(.token(token))
    case .scramSHA256, .scramSHA256Plus:
      let isBound = mechanism == .scramSHA256Plus
      guard
        let scram = SCRAMServer(
          first: response, binding: isBound ? binding : nil, offersBinding: offersBinding && !isBound,
          demandsBinding: isBound)
      else { return fail(.malformed) }
      state = .scramAsked(scram)
      return .question(.scramParameters(name: scram.name))
    case .login: return fail(.malformed)
    }
  }

  private mutating func ask(_ question: SASLQuestion) -> Step {
    state = .asked
    return .question(question)
  }

  private mutating func fail(_ failure: SASLFailure) -> Step {
    state = .over
    return .failed(failure)
  }

  /// UTF-8 without NUL.
  static func text(_ bytes: some Collection<UInt8>) -> String? {
    guard !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }
}

/// What an exchange asks of those who know the accounts.
public enum SASLQuestion: Sendable {
  case password(PasswordProof)
  /// Salt and rounds of this name; asked, and answered, for unknown names as well.
  case scramParameters(name: String)
  case scramProof(SCRAMProof)
  case token(BearerToken)
}

/// What comes back.
public enum SASLAnswer: Sendable, Hashable {
  case scramParameters(SCRAMParameters)
  /// `serverSignature` goes with a SCRAM proof (RFC 5802 §3).
  case granted(account: String, serverSignature: [UInt8]? = nil)
  case failed(SASLFailure)
}

/// Why an exchange came to nothing.
public enum SASLFailure: Error, Sendable, Hashable {
  /// What the client sent is no message of the mechanism.
  case malformed
  /// Wrong name or wrong proof, or not permitted: the peer is never told which.
  case denied
  /// The password was right; a second factor is needed, behind the password.
  case codeNeeded
  /// Too many failures from this source; nothing was checked.
  case penalised(retryAfterSeconds: Int)
  /// Nobody could be asked; it may work later.
  case unavailable
}
