import Crypto
import Services
import WireKit

/// One-time codes by time (RFC 6238): HMAC-SHA-1, six digits, steps of 30 seconds, as every authenticator app has them.
package enum TOTP {
  package static let digits = 6
  static let stepSeconds: Int64 = 30
  /// 160 bits (RFC 4226 §4, R6).
  static let secretLength = 20

  /// The time step of a moment; 0 before 1970.
  static func step(at time: WallTime) -> Int64 { max(0, time.seconds) / stepSeconds }

  /// The code of a time step (RFC 4226 §5.3), with `digits` digits, at most 8.
  package static func code(secret: Secret, step: Int64, digits: Int = digits) -> [UInt8] {
    var counter: [UInt8] = []
    counter.appendInteger(step)
    let key = SymmetricKey(data: secret.withBytes { $0 })
    let digest = [UInt8](HMAC<Insecure.SHA1>.authenticationCode(for: counter, using: key))
    let offset = Int(digest[digest.count - 1] & 0x0F)
    let word = digest[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
    var rest = word
    var output = [UInt8](repeating: 0x30, count: digits)
    for index in output.indices.reversed() {
      output[index] = 0x30 + UInt8(rest % 10)
      rest /= 10
    }
    return output
  }

  /// The step whose code was given: the present one, the one before or the one after (RFC 6238 §5.2), and later than
  /// `lastStep`; `nil` for any other code. Takes the same time for each.
  package static func match(_ code: Secret, secret: Secret, at time: WallTime, after lastStep: Int64) -> Int64? {
    let now = step(at: time)
    var found: Int64?
    for candidate in [now - 1, now, now + 1] where candidate >= 0 {
      let isRight = Secret(Self.code(secret: secret, step: candidate)) == code
      if isRight, candidate > lastStep { found = candidate }
    }
    return found
  }

  /// What an authenticator app reads from a QR code (`otpauth://totp/…`, Google's Key URI format). The account's name has
  /// no character that needs escaping but `@` and `+`.
  package static func uri(secret: Secret, account: String, issuer: String) -> String {
    let escape = { (text: String) in
      text.utf8.reduce(into: "") { output, byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
          output.unicodeScalars.append(Unicode.Scalar(byte))
        default:
          let hex = String(byte, radix: 16, uppercase: true)
          output += "%" + (hex.count == 1 ? "0" : "") + hex
        }
      }
    }
    let key = secret.withBytes { Base32.encode($0) }.uppercased()
    return "otpauth://totp/\(escape(issuer)):\(escape(account))?secret=\(key)&issuer=\(escape(issuer))"
  }
}
