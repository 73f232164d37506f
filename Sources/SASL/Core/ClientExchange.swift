import Crypto
import _CryptoExtras

/// One exchange of SASL (RFC 4422 §3), from the client's side: a machine without I/O.
public struct SASLClientExchange: Sendable {
  /// What logs in.
  public enum Credential: Sendable {
    case password(name: String, SASLSecret)
    case token(BearerToken, host: String, port: UInt16)
  }

  private enum State: Sendable {
    case start
    case loginPassword
    case scram(bare: [UInt8])
    case scramFinal(serverSignature: [UInt8])
    case done
  }

  public let mechanism: SASLMechanism
  /// Whether the server has proved, where the mechanism has it do so, that it knows the account (RFC 5802 §3). A client
  /// that was told "success" before that must not believe it.
  public private(set) var isServerTrusted: Bool
  private let credential: Credential
  private let binding: ChannelBinding?
  private let nonce: String
  private var state = State.start

  /// - Parameter nonce: For SCRAM: random, printable, without a comma.
  public init(
    _ mechanism: SASLMechanism, credential: Credential, binding: ChannelBinding? = nil, nonce: String = ""
  ) {
    self.mechanism = mechanism
    self.credential = credential
    self.binding = mechanism == .scramSHA256Plus ? binding : nil
    self.nonce = nonce
    isServerTrusted = mechanism != .scramSHA256 && mechanism != .scramSHA256Plus
  }

  /// The best mechanism of those offered for this credential; the bound form only where there is a binding.
  public static func choose(from offered: [String], for credential: Credential, binding: ChannelBinding? = nil)
    -> SASLMechanism?
  {
    let offered = Set(offered.compactMap { SASLMechanism(name: $0) })
    let wanted: [SASLMechanism] =
      switch credential {
      case .password: SASLMechanism.passwordMechanisms(binding: binding)
      case .token: [.oauthBearer, .xoauth2]
      }
    return wanted.first { offered.contains($0) }
  }

  /// The initial response; `nil` where the server speaks first or the credential does not fit.
  public mutating func initialResponse() -> [UInt8]? {
    switch (mechanism, credential) {
    case (.plain, .password(let name, let password)):
      state = .done
      return PasswordProof(authorization: "", name: name, password: password).plain
    case (.oauthBearer, .token(let token, let host, let port)):
      state = .done
      return token.oauthBearer(host: host, port: port)
    case (.xoauth2, .token(let token, _, _)):
      state = .done
      return token.xoauth2
    case (.scramSHA256, .password(let name, _)), (.scramSHA256Plus, .password(let name, _)):
      let bare = Array("n=\(SCRAMName.encode(name)),r=\(nonce)".utf8)
      state = .scram(bare: bare)
      return header + bare
    default: return nil
    }
  }

  /// The response to a challenge; `nil` when the challenge makes no sense, and the exchange should be given up.
  public mutating func respond(to challenge: [UInt8]) -> [UInt8]? {
    switch (state, credential) {
    case (.start, .password(let name, _)) where mechanism == .login:
      state = .loginPassword
      return Array(name.utf8)
    case (.loginPassword, .password(_, let password)):
      state = .done
      return password.bytes
    case (.start, _): return challenge.isEmpty ? initialResponse() : nil
    case (.scram(let bare), .password(_, let password)): return respond(to: challenge, bare: bare, password)
    case (.scramFinal(let signature), _):
      guard challenge == Array("v=".utf8) + Base64.encode(signature) else { return nil }
      (isServerTrusted, state) = (true, .done)
      return []
    // The reason why a token was refused; the answer is one byte (RFC 7628 §3.2.3) or nothing.
    case (.done, .token): return mechanism == .oauthBearer ? [1] : []
    default: return nil
    }
  }

  private var header: [UInt8] { Array((binding.map { "p=\($0.name),," } ?? "n,,").utf8) }

  private mutating func respond(to first: [UInt8], bare: [UInt8], _ password: SASLSecret) -> [UInt8]? {
    let fields = first.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    guard fields.count >= 3, fields[0].starts(with: "r=\(nonce)".utf8), fields[1].starts(with: "s=".utf8),
      fields[2].starts(with: "i=".utf8), let salt = Base64.decode(fields[1].dropFirst(2)), !salt.isEmpty,
      let iterations = Int(String(decoding: fields[2].dropFirst(2), as: UTF8.self)),
      // RFC 7677 §4 wants 4096 at least; the upper bound keeps a hostile server from burning our time.
      (4096...1_000_000).contains(iterations), fields[0].count > nonce.utf8.count + 2,
      let salted = try? KDF.Insecure.PBKDF2.deriveKey(
        from: password.bytes, salt: salt, using: .sha256, outputByteCount: 32, unsafeUncheckedRounds: iterations)
    else { return nil }
    let bound = Array("c=".utf8) + Base64.encode(header + (binding?.data ?? []))
    let withoutProof = bound + Array(",".utf8) + Array(fields[0])
    let message = bare + Array(",".utf8) + first + Array(",".utf8) + withoutProof
    let clientKey = [UInt8](HMAC<SHA256>.authenticationCode(for: Array("Client Key".utf8), using: salted))
    let storedKey = SymmetricKey(data: [UInt8](SHA256.hash(data: clientKey)))
    let signature = [UInt8](HMAC<SHA256>.authenticationCode(for: message, using: storedKey))
    let proof = zip(clientKey, signature).map { $0 ^ $1 }
    let serverKey = [UInt8](HMAC<SHA256>.authenticationCode(for: Array("Server Key".utf8), using: salted))
    state = .scramFinal(
      serverSignature: [UInt8](HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: serverKey))))
    return withoutProof + Array(",p=".utf8) + Base64.encode(proof)
  }
}
