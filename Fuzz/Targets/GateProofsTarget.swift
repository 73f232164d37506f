import Gate
import Services
import WireKit

extension FuzzTarget {
  static let oneTimeCode = FuzzTarget(
    "gate-one-time-code",
    "Base 32 is canonical and of its alphabet; a code has its digits, and only its own step accepts it."
  ) { bytes in
    let text = Base32.encode(bytes)
    try require(text.utf8.count == (bytes.count * 8 + 4) / 5, "\(text.utf8.count) letters for \(bytes.count) octets")
    try require(Base32.canonical(Array(text.uppercased().utf8)) == Array(text.utf8), text)
    if let canonical = Base32.canonical(bytes) {
      try require(Base32.canonical(canonical) == canonical, "not canonical")
    }
    let secret = Secret(bytes)
    let time = WallTime(seconds: Int64(bytes.count) * 1_000_003)
    let step = time.seconds / 30
    let code = TOTP.code(secret: secret, step: step)
    try require(code.count == TOTP.digits && code.allSatisfy { (0x30...0x39).contains($0) }, "\(code)")
    try require(TOTP.match(Secret(code), secret: secret, at: time, after: step + 1) == nil, "a code used twice")
    try require(TOTP.match(Secret(code), secret: secret, at: time, after: step - 2) != nil, "a right code refused")
    try require(TOTP.match(Secret(bytes + [0]), secret: secret, at: time, after: -1) == nil, "seven digits and a NUL")
    try require(
      TOTP.uri(secret: secret, account: String(decoding: bytes, as: UTF8.self), issuer: "x").utf8.allSatisfy {
        (0x21...0x7E).contains($0)
      }, "a URI with other characters")
  }

  static let authorizedKey = FuzzTarget(
    "gate-authorized-key",
    "A line that is taken has a key of its type, without control characters, and options that can be read."
  ) { bytes in
    let text = String(decoding: bytes, as: UTF8.self)
    if let line = try? AuthorizedKeyLine(text) {
      try require(line.blob.count >= 4 + 11 + 4, "a key of \(line.blob.count) octets")
      try require(!line.comment.contains("\n"), "a comment of two lines")
      try require(KeyOptions(line.options) != nil, "options that can't be read")
    }
    if let options = KeyOptions(text) {
      _ = options.permit(peer: IPAddress(192, 0, 2, 1), at: WallTime(seconds: 1_800_000_000))
    }
  }

  static let passwordText = FuzzTarget("gate-saslprep", "A prepared password is its own prepared form.") { bytes in
    guard let prepared = SASLPrep.prepare(bytes) else { return }
    try require(!prepared.isEmpty && SASLPrep.prepare(prepared) == prepared, "\(prepared)")
  }
}
