import Crypto
import Services

/// Secrets that the server makes: long enough that a fast keyed hash protects them.
enum RandomToken {
  /// Bytes from the system's generator.
  static func bytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// Twenty characters of base 32 in four groups: 100 random bits.
  static func appPassword() -> Secret { grouped(characters: 20) }

  /// As an app password; for an account whose password nobody chose.
  static func password() -> Secret { grouped(characters: 20) }

  /// Ten characters of base 32 in two groups: 50 random bits, and penalties against guessing.
  static func recoveryCode() -> Secret { grouped(characters: 10) }

  private static func grouped(characters: Int) -> Secret {
    let text = Array(Base32.encode(bytes((characters * 5 + 7) / 8)).utf8.prefix(characters))
    var output: [UInt8] = []
    for (index, byte) in text.enumerated() {
      if index > 0, index % 5 == 0 { output.append(0x2D) }
      output.append(byte)
    }
    return Secret(output)
  }

  /// What was typed, as the token that it may be: `nil` when it has another length or other characters.
  static func canonical(_ typed: Secret, characters: Int) -> Secret? {
    typed.withBytes { bytes in
      guard bytes.count <= characters * 2, let token = Base32.canonical(bytes), token.count == characters else {
        return nil
      }
      return Secret(token)
    }
  }
}
