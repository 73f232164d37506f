/// What is told of an account before its proof (RFC 5802 §5.1), with the server's half of the nonce.
public struct SCRAMParameters: Sendable, Hashable {
  public var salt: [UInt8]
  public var iterations: Int
  /// Random, printable, without a comma: 18 bytes or more of randomness.
  public var nonce: String

  public init(salt: [UInt8], iterations: Int, nonce: String) {
    self.salt = salt
    self.iterations = iterations
    self.nonce = nonce
  }
}

/// What a client proves, for who has the account's verifier.
public struct SCRAMProof: Sendable, Hashable {
  public var name: String
  /// client-first-message-bare, server-first-message and client-final-message-without-proof (RFC 5802 §3).
  public var authMessage: [UInt8]
  public var proof: [UInt8]

  public init(name: String, authMessage: [UInt8], proof: [UInt8]) {
    self.name = name
    self.authMessage = authMessage
    self.proof = proof
  }
}

/// The server's side of SCRAM (RFC 5802), without the arithmetic: that is done where the verifiers are.
struct SCRAMServer: Sendable {
  /// The authentication identity.
  let name: String
  private let authorization: String
  private let header: [UInt8]
  private let binding: ChannelBinding?
  private let bare: [UInt8]
  private let clientNonce: [UInt8]
  private var nonce: [UInt8] = []
  private var serverFirst: [UInt8] = []

  /// `n,,n=user,r=nonce` and its bound forms. `nil` when it is malformed, when the binding is not the one at hand, or
  /// when the client thinks that no binding was offered, but one was.
  init?(first message: [UInt8], binding: ChannelBinding?, offersBinding: Bool, demandsBinding: Bool) {
    guard let text = SASLServerExchange.text(message) else { return nil }
    let parts = text.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    switch parts[0] {
    case "n": guard !demandsBinding else { return nil }
    case "y": guard !demandsBinding, !offersBinding else { return nil }
    default:
      guard demandsBinding, let binding, parts[0] == "p=\(binding.name)" else { return nil }
    }
    if parts[1].isEmpty {
      authorization = ""
    } else {
      guard parts[1].hasPrefix("a="), let name = SCRAMName.decode(parts[1].dropFirst(2)) else { return nil }
      authorization = name
    }
    // `m=` in front would be an extension that must be understood; extensions behind the nonce may be ignored.
    let fields = parts[2].split(separator: ",", omittingEmptySubsequences: false)
    guard fields.count >= 2, fields[0].hasPrefix("n="), let name = SCRAMName.decode(fields[0].dropFirst(2)),
      !name.isEmpty, fields[1].hasPrefix("r="), (8...256).contains(fields[1].utf8.count),
      fields[1].utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return nil }
    self.name = name
    self.binding = demandsBinding ? binding : nil
    header = Array("\(parts[0]),\(parts[1]),".utf8)
    bare = Array(parts[2].utf8)
    clientNonce = Array(fields[1].dropFirst(2).utf8)
  }

  /// The server-first-message.
  mutating func answer(_ parameters: SCRAMParameters) -> [UInt8] {
    nonce = clientNonce + Array(parameters.nonce.utf8)
    serverFirst =
      Array("r=".utf8) + nonce + Array(",s=".utf8) + Base64.encode(parameters.salt)
      + Array(",i=\(parameters.iterations)".utf8)
    return serverFirst
  }

  /// `c=…,r=…,p=…`. `nil` when it is malformed, or binding or nonce are not this exchange's.
  mutating func receiveFinal(_ message: [UInt8]) -> SCRAMProof? {
    let comma = UInt8(ascii: ",")
    guard let last = message.lastIndex(of: comma) else { return nil }
    let withoutProof = message[..<last]
    let fields = withoutProof.split(separator: comma, omittingEmptySubsequences: false)
    let proof = message[(last + 1)...]
    guard fields.count >= 2, fields[0].starts(with: "c=".utf8), fields[1].starts(with: "r=".utf8),
      proof.starts(with: "p=".utf8), let signature = Base64.decode(proof.dropFirst(2)),
      let bound = Base64.decode(fields[0].dropFirst(2)), bound == header + (binding?.data ?? []),
      Array(fields[1].dropFirst(2)) == nonce
    else { return nil }
    return SCRAMProof(
      name: name, authMessage: bare + [comma] + serverFirst + [comma] + Array(withoutProof), proof: signature)
  }

  /// Nobody acts for another account here: the authorization identity is empty or the account's own name.
  func mayActAs(_ account: String) -> Bool {
    authorization.isEmpty || authorization == name || authorization.lowercased() == account
  }
}

/// Names within SCRAM and GS2 messages (RFC 5802 §5.1): `=2C` for a comma, `=3D` for an equals sign.
enum SCRAMName {
  static func decode(_ text: Substring) -> String? {
    var name = ""
    var rest = text
    while let equals = rest.firstIndex(of: "=") {
      name += rest[..<equals]
      let code = rest[equals...].prefix(3)
      switch code {
      case "=2C": name += ","
      case "=3D": name += "="
      default: return nil
      }
      rest = rest[code.endIndex...]
    }
    return name + rest
  }

  static func encode(_ name: String) -> String {
    var text = ""
    for character in name {
      switch character {
      case ",": text += "=2C"
      case "=": text += "=3D"
      default: text.append(character)
      }
    }
    return text
  }
}
