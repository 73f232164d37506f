import Crypto
import WireKit

/// What proves a client by NTLMv2, for the one who keeps the secrets to judge.
public struct NTLMClaim: Sendable {
  public var user: String
  public var domain: String
  public var serverChallenge: [UInt8]
  /// NTProofStr, and the client's challenge that it was made over (MS-NLMP 2.2.2.8, 3.3.2).
  public var proof: [UInt8]
  public var clientChallenge: [UInt8]
}

/// The server's side of CredSSP (MS-CSSP 3.1.5), versions 2 to 6, with NTLMv2 in SPNEGO or bare.
///
/// `receive` takes one message at a time; where a claim has to be judged, `judged` goes on with the verdict.
struct CredSSPServer: Sendable {
  enum Outcome: Sendable {
    case send(TSRequest)
    case judge(NTLMClaim)
    /// The client is who it says, and has handed over its credentials (which nobody here wants).
    case done
    /// Say why, as an NTSTATUS, where the version knows that, and close.
    case fail(TSRequest?, String)
  }

  private enum Stage {
    case negotiate, authenticate
    case judging(NTLMAuthenticate, message: [UInt8], code: [UInt8]?, publicKeyAuth: [UInt8]?, nonce: [UInt8]?)
    case publicKey, credentials, ended
  }

  static let ourVersion: UInt32 = 6
  private static let logOnFailure: UInt32 = 0xC000_006D
  private static let accessDenied: UInt32 = 0xC000_0022

  private let publicKey: [UInt8]
  private let challenge: NTLMChallenge
  private var stage = Stage.negotiate
  private var spnego = SPNEGO()
  private var version: UInt32 = 6
  private var flags: NTLMFlags = []
  /// The first two messages: the client's code is over them too.
  private var transcript: [UInt8] = []
  private var session: NTLMSession?
  /// The user whose credentials were delegated.
  private(set) var user = ""

  /// - Parameter publicKey: SubjectPublicKey of the certificate that TLS was set up with.
  init(publicKey: [UInt8], challenge: NTLMChallenge) {
    self.publicKey = publicKey
    self.challenge = challenge
  }

  mutating func receive(_ message: RawSpan) -> Outcome {
    do throws(WireError) {
      let request = try TSRequest(message)
      guard request.version >= 2 else { return fail("CredSSP version \(request.version)") }
      version = min(request.version, Self.ourVersion)
      switch stage {
      case .negotiate, .authenticate: return try receive(token: request)
      case .publicKey: return bind(request.publicKeyAuth, request.clientNonce, token: nil)
      case .credentials: return try takeCredentials(request)
      case .judging, .ended: return fail("a message where none is due")
      }
    } catch { return fail(error.description) }
  }

  private mutating func receive(token request: TSRequest) throws(WireError) -> Outcome {
    guard let outer = request.token else { return fail("no token") }
    let token = try spnego.open(outer)
    guard let inner = token.inner else {
      guard case .negotiate = stage else { return fail("no NTLM token") }
      return .send(reply(spnego.answer(nil)))
    }
    if case .negotiate = stage {
      let span = inner.span.bytes
      let negotiate = try NTLMNegotiate(span)
      guard negotiate.flags.isSuperset(of: .required) else { return fail("the client has no NTLMv2 of 128 bits") }
      flags = NTLMChallenge.agreed(negotiate.flags)
      var challenge = challenge
      challenge.flags = flags
      let answer = challenge.encode()
      transcript = inner + answer
      stage = .authenticate
      return .send(reply(spnego.answer(answer)))
    }
    let span = inner.span.bytes
    let authenticate = try NTLMAuthenticate(span)
    stage = .judging(
      authenticate, message: inner, code: token.mechanismListCode, publicKeyAuth: request.publicKeyAuth,
      nonce: request.clientNonce)
    return .judge(
      NTLMClaim(
        user: authenticate.user, domain: authenticate.domain, serverChallenge: challenge.serverChallenge,
        proof: authenticate.proof, clientChallenge: authenticate.clientChallenge))
  }

  /// The verdict on a claim: SessionBaseKey where it was right, `nil` otherwise.
  mutating func judged(_ baseKey: [UInt8]?) -> Outcome {
    guard case .judging(let message, let bytes, let code, let publicKeyAuth, let nonce) = stage else {
      return fail("a verdict where none is due")
    }
    guard let baseKey else { return fail("log-in refused", status: Self.logOnFailure) }
    var sessionKey = baseKey
    if flags.contains(.keyExchange) {
      guard message.encryptedSessionKey.count == 16 else { return fail("no session key") }
      var cipher = RC4(key: baseKey)
      sessionKey = cipher.apply(message.encryptedSessionKey)
    }
    if let integrityCode = message.integrityCode {
      var zeroed = bytes
      for index in NTLMAuthenticate.integrityCodeRange { zeroed[index] = 0 }
      guard NTLMSession.areEqual(NTLMSession.hmac(sessionKey, transcript + zeroed), integrityCode) else {
        return fail("the messages were changed on the way (MIC)", status: Self.logOnFailure)
      }
    }
    var session = NTLMSession(sessionKey: sessionKey, flags: flags)
    var final: [UInt8]?
    if spnego.isUsed {
      if let code {
        guard session.verify(code, of: spnego.mechanisms) else { return fail("the mechanisms were changed on the way") }
        final = SPNEGO.completion(code: session.sign(spnego.mechanisms))
      } else {
        final = SPNEGO.completion(code: nil)
      }
    }
    self.session = session
    user = message.user
    // Bare NTLM ends here, and the client binds the key in the same message; with SPNEGO it may wait for the last token.
    guard let publicKeyAuth else {
      stage = .publicKey
      return .send(reply(final))
    }
    return bind(publicKeyAuth, nonce, token: final)
  }

  /// Binds the log-in to the TLS connection that it came over: who sits in between has another key (3.1.5, step 3).
  private mutating func bind(_ sealed: [UInt8]?, _ nonce: [UInt8]?, token: [UInt8]?) -> Outcome {
    guard let sealed, let opened = session?.open(sealed) else { return fail("pubKeyAuth is not genuine") }
    var answer = reply(token)
    if version >= 5 {
      guard let nonce, nonce.count == 32 else { return fail("no nonce") }
      guard NTLMSession.areEqual(opened, Self.bindingHash("Client-To-Server", nonce, publicKey)) else {
        return fail("pubKeyAuth is for another server's key", status: Self.accessDenied)
      }
      answer.publicKeyAuth = session?.seal(Self.bindingHash("Server-To-Client", nonce, publicKey))
    } else {
      guard NTLMSession.areEqual(opened, publicKey) else {
        return fail("pubKeyAuth is for another server's key", status: Self.accessDenied)
      }
      var next = publicKey
      if let first = next.first { next[0] = first &+ 1 }
      answer.publicKeyAuth = session?.seal(next)
    }
    stage = .credentials
    return .send(answer)
  }

  static func bindingHash(_ direction: String, _ nonce: [UInt8], _ publicKey: [UInt8]) -> [UInt8] {
    Array(SHA256.hash(data: Array("CredSSP \(direction) Binding Hash\0".utf8) + nonce + publicKey))
  }

  /// TSCredentials (2.2.1.2): sealed, a type, and what belongs to it. Only their form is checked: who logs in was judged.
  private mutating func takeCredentials(_ request: TSRequest) throws(WireError) -> Outcome {
    guard let sealed = request.authInfo, let opened = session?.open(sealed) else {
      return fail("authInfo is not genuine")
    }
    let span = opened.span.bytes
    var reader = WireReader(span)
    var fields = WireReader(try reader.readBER(0x30, "TSCredentials"))
    var type = WireReader(try fields.readBER(0xA0, "credType"))
    guard try (1...6).contains(type.readBERInteger("credType")) else { return fail("unknown credentials") }
    stage = .ended
    return .done
  }

  private func reply(_ token: [UInt8]?) -> TSRequest {
    var request = TSRequest()
    request.version = Self.ourVersion
    request.token = token
    return request
  }

  private mutating func fail(_ diagnosis: String, status: UInt32? = nil) -> Outcome {
    stage = .ended
    // Versions 3, 4 and 6 have a place for the reason; 2 and 5 have not (2.2.1, errorCode).
    guard let status, version != 2, version != 5 else { return .fail(nil, diagnosis) }
    var request = TSRequest()
    request.version = Self.ourVersion
    request.errorCode = status
    return .fail(request, diagnosis)
  }
}
