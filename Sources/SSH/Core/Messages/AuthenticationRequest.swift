import WireKit

/// SSH_MSG_USERAUTH_REQUEST (RFC 4252 §5).
struct AuthenticationRequest {
  enum Method {
    case none
    case publicKey(KeyProof)
    case password(Credential)
    /// The client wants to change its password while it logs in.
    case passwordChange
    case keyboardInteractive
    case other
  }

  /// The `publickey` method (RFC 4252 §7), and its form that is bound to the host key (OpenSSH's PROTOCOL §1.12).
  struct KeyProof {
    let algorithm: String
    let key: [UInt8]
    /// The host key that the client saw, where it says so.
    let hostKey: [UInt8]?
    /// `nil` for a question whether the key would do.
    let signature: [UInt8]?
    /// What the signature covers, the session identifier apart.
    let signedPart: [UInt8]
  }

  /// Bytes of a name; more is nobody's.
  static let maximumName = 256

  let user: String
  let service: String
  let methodName: String
  let method: Method

  init(_ payload: RawSpan) throws(WireError) {
    var reader = WireReader(payload)
    try reader.skip(1, "message number")
    user = try reader.readText("user name")
    service = try reader.readText("service name")
    methodName = try reader.readText("method name")
    guard user.utf8.count <= Self.maximumName else { throw WireError(.tooLong, "user name") }
    switch methodName {
    case "none": method = .none
    case "publickey": method = .publicKey(try KeyProof(&reader, bound: false))
    case "publickey-hostbound-v00@openssh.com": method = .publicKey(try KeyProof(&reader, bound: true))
    case "password":
      let changes = try reader.readBool("FALSE")
      let password = Credential(try reader.readStringBytes("password"))
      method = changes ? .passwordChange : .password(password)
    case "keyboard-interactive": method = .keyboardInteractive
    default: method = .other
    }
  }
}

extension AuthenticationRequest.KeyProof {
  fileprivate init(_ reader: inout WireReader, bound: Bool) throws(WireError) {
    let isSigned = try reader.readBool("has signature")
    algorithm = try reader.readText("public key algorithm")
    key = try reader.readStringBytes("public key")
    hostKey = bound ? try reader.readStringBytes("server host key") : nil
    signedPart = reader.bytes.extracting(0..<reader.offset).copied()
    signature = isSigned ? try reader.readStringBytes("signature") : nil
    guard reader.isAtEnd else { throw WireError(.malformed, "publickey request", at: reader.offset) }
  }
}

/// A password or a code on its way to whom judges it. It has no textual form but a mask.
public struct Credential: Sendable, CustomStringConvertible, CustomReflectable {
  /// For the judge alone.
  public let bytes: [UInt8]
  public init(_ bytes: [UInt8]) { self.bytes = bytes }
  public var description: String { "••••" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
