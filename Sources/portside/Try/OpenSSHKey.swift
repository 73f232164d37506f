import Crypto
import Foundation

/// An Ed25519 key pair as OpenSSH keeps it (`PROTOCOL.key`): what `ssh -i` takes and what `authorized_keys` holds.
struct OpenSSHKey {
  /// The private key file's text, unencrypted.
  let privateFile: String
  /// The public key's line: type, base64, comment.
  let publicLine: String

  init(comment: String) {
    let key = Curve25519.Signing.PrivateKey()
    let type = Array("ssh-ed25519".utf8)
    let point = [UInt8](key.publicKey.rawRepresentation)
    let publicBlob = Self.string(type) + Self.string(point)
    let check = (0..<4).map { _ in UInt8.random(in: 0...255) }
    var secret = check + check + publicBlob
    secret += Self.string([UInt8](key.rawRepresentation) + point) + Self.string(Array(comment.utf8))
    var padding: UInt8 = 1
    while secret.count % 8 != 0 {
      secret.append(padding)
      padding += 1
    }
    var file = Array("openssh-key-v1\0".utf8)
    file += Self.string(Array("none".utf8)) + Self.string(Array("none".utf8)) + Self.string([])
    file += [0, 0, 0, 1] + Self.string(publicBlob) + Self.string(secret)
    let body = Data(file).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
    privateFile = "-----BEGIN OPENSSH PRIVATE KEY-----\n\(body)\n-----END OPENSSH PRIVATE KEY-----\n"
    publicLine = "ssh-ed25519 \(Data(publicBlob).base64EncodedString()) \(comment)"
  }

  /// A length and the bytes (RFC 4251 §5, `string`).
  private static func string(_ bytes: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
  }
}
