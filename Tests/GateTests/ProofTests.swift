import Services
import Testing
import WireKit

@testable import Gate

struct TOTPTests {
  /// RFC 6238 Appendix B, the SHA-1 column: 8 digits, the secret "12345678901234567890".
  @Test(
    arguments: [
      (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
      (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
    ] as [(Int64, String)])
  func vectors(_ seconds: Int64, _ code: String) {
    let secret = Secret("12345678901234567890")
    let step = TOTP.step(at: WallTime(seconds: seconds))
    #expect(TOTP.code(secret: secret, step: step, digits: 8) == Array(code.utf8))
    #expect(TOTP.code(secret: secret, step: step) == Array(code.suffix(6).utf8))
  }

  @Test func oneStepOfDriftIsTakenAndNoMore() {
    let secret = Secret("12345678901234567890")
    let now = WallTime(seconds: 3000)
    for (drift, isTaken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] as [(Int64, Bool)] {
      let code = Secret(TOTP.code(secret: secret, step: 100 + drift))
      #expect(TOTP.match(code, secret: secret, at: now, after: -1) == (isTaken ? 100 + drift : nil))
    }
    #expect(TOTP.match(Secret(TOTP.code(secret: secret, step: 100)), secret: secret, at: now, after: 100) == nil)
    #expect(TOTP.match(Secret(""), secret: secret, at: now, after: -1) == nil)
    #expect(TOTP.step(at: WallTime(seconds: .min)) == 0)
  }

  @Test func theURIIsEscaped() {
    let uri = TOTP.uri(secret: Secret("12345678901234567890"), account: "ann+x@lab.test", issuer: "Acme Lab")
    #expect(
      uri == "otpauth://totp/Acme%20Lab:ann%2Bx%40lab.test?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20Lab")
  }
}

struct SCRAMTests {
  /// RFC 7677 §3: user "user", password "pencil".
  @Test func vectors() throws {
    let salt: [UInt8] = [
      0x5B, 0x6D, 0x99, 0x68, 0x9D, 0x12, 0x35, 0x8E, 0xEC, 0xA0, 0x4B, 0x14, 0x12, 0x36, 0xFA, 0x81,
    ]
    let verifier = try #require(SCRAMVerifier(password: Secret("pencil"), salt: salt, iterations: 4096))
    let authMessage =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      + "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    // ClientProof dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=, ServerSignature 6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=
    let proof = try #require(Hexadecimal.bytes("747cdb65aa56224e2352137e52d7bdcad6a0f738df30782caa69a2cfb0277554"))
    let signature = "eabae24d1062db75a9451ff0b6ea7e98c8546549ff741e672d3251b2397de46e"
    let found = verifier.serverSignature(proof: proof, authMessage: Array(authMessage.utf8))
    #expect(found.map { Hexadecimal.text($0) } == signature)
    var wrong = proof
    wrong[0] ^= 1
    #expect(verifier.serverSignature(proof: wrong, authMessage: Array(authMessage.utf8)) == nil)
    #expect(verifier.serverSignature(proof: [], authMessage: Array(authMessage.utf8)) == nil)
    #expect(SCRAMVerifier(encoded: verifier.encoded) == verifier)
    #expect(SCRAMVerifier(encoded: Secret("short")) == nil)
    #expect(SCRAMVerifier(password: Secret("pencil"), salt: salt, iterations: 4095) == nil)
  }

  @Test(
    arguments: [
      ("pencil", "pencil"), ("I\u{AD}X", "IX"), ("user", "user"), ("USER", "USER"), ("a\u{A0}b", "a b"),
      ("Übung", "Übung"),
      ("пароль", "пароль"), ("パスワード", "パスワード"), ("密码", "密码"), ("\u{7}", nil), ("\u{AA}", nil), ("\u{2168}", nil),
      ("ﬁ", nil),
      ("e\u{301}", nil), ("", nil), ("\u{AD}", nil), ("\u{627}\u{31}", nil), ("a\u{202E}b", nil),
    ] as [(String, String?)])
  func saslprep(_ input: String, _ output: String?) {
    #expect(SASLPrep.prepare(Array(input.utf8)) == output.map { Array($0.utf8) })
  }

  @Test func saslprepTakesNoBrokenUTF8() { #expect(SASLPrep.prepare([0x61, 0xFF]) == nil) }
}

struct HasherTests {
  @Test func argon2idTellsRightFromWrong() throws {
    let hasher = try #require(Argon2idHasher())
    let hash = try #require(hasher.hash(Secret("correct horse")))
    let text = hash.withBytes { String(decoding: $0, as: UTF8.self) }
    #expect(text.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
    #expect(hasher.verify(Secret("correct horse"), against: hash) == true)
    #expect(hasher.verify(Secret("correct horsf"), against: hash) == false)
    #expect(hasher.verify(Secret(""), against: hash) == false)
    #expect(hasher.hash(Secret("correct horse")) != hash)
  }

  @Test func nonsenseIsNoMatchAndNoTrap() throws {
    let hasher = try #require(Argon2idHasher())
    for hash in ["", "$argon2id$", "plain", String(repeating: "$", count: 500)] {
      #expect(hasher.verify(Secret("x"), against: Secret(hash)) == false)
    }
    #expect(hasher.hash(Secret([UInt8](repeating: 65, count: 1025))) == nil)
    #expect(try #require(hasher.hash(Secret([0, 255, 0]))).count > 0)
  }

  /// Made by crypt(3) of Debian 12, and by Dovecot's `doveadm pw`, of the password "correct horse".
  @Test(arguments: [
    "$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0",
    "$5$rounds=6000$saltsalt$mLNPMuq8whd9yKGJ1pRVC6ZP4MSOn/Ve7aZRadFPM4B",
    "$1$saltsalt$NuzA7WTAelpl95xgBGWN60",
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$zwtVrjrUCmXcyLTs6oxLTQlzifSUkF8RHJ./tK5KU79",
    "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2",
    "{SSHA}LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0",
    "{SSHA256}hqmOxdw2MHQ1V60KWaSblKV0Tq5UZdVfLWnW5Pbhl42p+cCt",
    "{ssha512.b64}MObRFvUHqU5pLIXjc0HkeJH+PKVdEQk34oSyXkDftCxTU6Fk9rWjilWA553MtCFyazGhAOPiDyO1Rv1hndA96XNhbHQ=",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$Cz7dz1ZK5b+YbxlUq7uBCQ$IFeyFhszU3u6D8gGQNdsHzHOkIypcsI8rmk7114n+08",
    "{SHA512-CRYPT}$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0",
  ])
  func hashesOfOtherSystems(_ text: String) throws {
    let hasher = PasswordHashes(own: try #require(Argon2idHasher()))
    guard case .hash(let hash) = ForeignHash(text) else {
      Issue.record("\(text) is not known")
      return
    }
    #expect(ForeignHash.isForeign(hash))
    #expect(hasher.verify(Secret("correct horse"), against: hash) == true)
    for wrong in ["correct horsf", "", "correct horse\0", "correct hors"] {
      #expect(hasher.verify(Secret(wrong), against: hash) == false, "\(text): \(wrong)")
    }
  }

  @Test func hashesThatAreNone() throws {
    for locked in ["", "*", "x", "!", "!!", "!$6$saltsalt$hRM5", "*LK*"] {
      #expect(ForeignHash(locked) == ForeignHash.none, "\(locked)")
    }
    #expect(ForeignHash("{PLAIN}a secret") == .password(Secret("a secret")))
    // Unknown, cut short, or dearer to check than a log-in may be.
    for odd in [
      "secret", "{MYSTERY}abc", "{SSHA256}AAAA", "{SHA}" + String(repeating: "A", count: 40), "$9$a$b", "$6$", "{SSHA",
      "$2b$31$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", "$6$rounds=999999999$s$h",
      "$argon2id$v=19$m=4194304,t=3,p=1$a$b", "$argon2id$", String(repeating: "$6$a", count: 200),
    ] { #expect(ForeignHash(odd) == nil, "\(odd)") }
    let own = try #require(Argon2idHasher()?.hash(Secret("x")))
    #expect(!ForeignHash.isForeign(own))
  }

  @Test func aFloodRunsFewAtOnce() async throws {
    let hasher = CountingHasher(pauseMicroseconds: 2000)
    let gate = HashingGate(hasher: hasher, concurrency: 3, maximumWaiting: 200)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<100 { group.addTask { _ = try? await gate.verify(Secret("x"), against: Secret("y")) } }
    }
    #expect(hasher.seen.verifications == 100)
    #expect(hasher.seen.mostRunning <= 3)
  }

  @Test func aFullQueueSendsAwayAndRecovers() async throws {
    let hasher = CountingHasher(pauseMicroseconds: 100_000)
    let gate = HashingGate(hasher: hasher, concurrency: 1, maximumWaiting: 4)
    let refused = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<50 {
        group.addTask {
          do {
            _ = try await gate.verify(Secret("x"), against: Secret("y"))
            return false
          } catch { return true }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(hasher.seen.verifications + refused == 50)
    #expect(refused >= 40)
    #expect(try await gate.verify(Secret("x"), against: Secret("cheap:x")))
  }

  @Test func noMemoryIsATemporaryFailure() async {
    let gate = HashingGate(hasher: CountingHasher(isOutOfMemory: true))
    await #expect(throws: ServiceUnavailable.self) { try await gate.hash(Secret("x")) }
  }
}

struct KeyTests {
  static let ed25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"

  @Test func aLineIsTakenApart() throws {
    let plain = try AuthorizedKeyLine("ssh-ed25519 \(Self.ed25519) ann@desk, upstairs")
    #expect(plain.options == "" && plain.comment == "ann@desk, upstairs" && plain.blob.count == 51)
    let options = "from=\"10.0.0.0/8,!10.1.0.0/16\",command=\"echo \\\"a b\\\"\",no-pty"
    let limited = try AuthorizedKeyLine("  \(options)\tssh-ed25519  \(Self.ed25519)")
    #expect(limited.options == options && limited.blob == plain.blob && limited.comment == "")
  }

  @Test(arguments: [
    "", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-rsa \(ed25519)", "ssh-dss \(ed25519)", "ssh-ed25519 AAAA",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAzAwMA==", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5/////zAwMA==",
    "from=\"*.example\" ssh-ed25519 \(ed25519)", "from=\"10.0.0.0/8 ssh-ed25519 \(ed25519)",
    "expiry-time=\"soon\" ssh-ed25519 \(ed25519)", "restrict, ssh-ed25519 \(ed25519)",
    "ssh-ed25519 \(ed25519)\nrestrict",
    "=x ssh-ed25519 \(ed25519)",
  ])
  func aBadLineIsRefused(_ line: String) {
    #expect(throws: DirectoryError.self) { try AuthorizedKeyLine(line) }
  }

  @Test(arguments: [
    ("", "192.0.2.1", true), ("from=\"192.0.2.0/24\"", "192.0.2.1", true),
    ("from=\"192.0.2.0/24\"", "192.0.3.1", false),
    ("from=\"192.0.2.0/24,!192.0.2.1\"", "192.0.2.1", false), ("from=\"!192.0.2.1\"", "192.0.2.2", false),
    ("FROM=\"192.0.2.0/24\"", "192.0.3.1", false), ("restrict,from=\"::1\"", "::1", true),
    ("from=\"192.0.2.0/24\"", "::ffff:192.0.2.1", true), ("expiry-time=\"20260101\"", "::1", false),
    ("expiry-time=\"20300101\"", "::1", true), ("expiry-time=\"202701150759Z\"", "::1", false),
    ("expiry-time=\"20270115080001\"", "::1", true),
  ])
  func optionsLimitAKey(_ options: String, _ peer: String, _ isPermitted: Bool) throws {
    let parsed = try #require(KeyOptions(options))
    // 2027-01-15T08:00:00Z
    #expect(try parsed.permit(peer: #require(IPAddress(peer)), at: WallTime(seconds: 1_800_000_000)) == isPermitted)
  }
}

struct GateKeysTests {
  @Test func whatIsSealedOpensAtItsPlaceOnly() throws {
    let keys = try #require(GateKeys(master: Secret([UInt8](repeating: 1, count: 32))))
    let others = try #require(GateKeys(master: Secret([UInt8](repeating: 2, count: 32))))
    let sealed = try #require(keys.seal(Secret("s3cret"), purpose: "totp", of: AccountID(1)))
    #expect(keys.unseal(sealed, purpose: "totp", of: AccountID(1)) == Secret("s3cret"))
    #expect(keys.unseal(sealed, purpose: "totp", of: AccountID(2)) == nil)
    #expect(keys.unseal(sealed, purpose: "scram", of: AccountID(1)) == nil)
    #expect(others.unseal(sealed, purpose: "totp", of: AccountID(1)) == nil)
    #expect(keys.unseal(Secret("x"), purpose: "totp", of: AccountID(1)) == nil)
    #expect(
      keys.hash(Secret("t"), purpose: "a", of: AccountID(1)) == keys.hash(Secret("t"), purpose: "a", of: AccountID(1)))
    #expect(
      keys.hash(Secret("t"), purpose: "a", of: AccountID(1)) != keys.hash(Secret("t"), purpose: "a", of: AccountID(2)))
    #expect(
      keys.hash(Secret("t"), purpose: "a", of: AccountID(1)) != others.hash(Secret("t"), purpose: "a", of: AccountID(1))
    )
    #expect(GateKeys(master: Secret("short")) == nil)
  }

  @Test func tokensAreReadAsPeopleTypeThem() throws {
    let token = RandomToken.appPassword()
    #expect(token.count == 23)
    let canonical = try #require(RandomToken.canonical(token, characters: 20))
    let typed = token.withBytes { String(decoding: $0, as: UTF8.self).uppercased().replacing("-", with: " ") }
    #expect(RandomToken.canonical(Secret(typed), characters: 20) == canonical)
    for wrong in ["", "abcde", "abcde-abcde-abcde-abcd1", String(repeating: "a", count: 4000)] {
      #expect(RandomToken.canonical(Secret(wrong), characters: 20) == nil)
    }
    #expect(Base32.encode(Array("foobar".utf8)) == "mzxw6ytboi")
  }
}

struct CivilTimeTests {
  @Test(
    arguments: [
      ("1970-01-01", 0), ("2027-01-31", 1_801_353_600), ("2000-02-29", 951_782_400),
      ("2027-01-31T18:00:05Z", 1_801_418_405),
      ("30d", 2_592_100), ("1h", 3700), ("2027-02-30", nil), ("2027-13-01", nil), ("1900-01-01", nil), ("never", nil),
      ("", nil), ("d", nil), ("-5d", nil), ("2027-01-31T24:00:00Z", nil), ("2027-01-3١", nil), ("9999999999d", nil),
    ] as [(String, Int64?)])
  func parses(_ text: String, _ seconds: Int64?) {
    #expect(CivilTime.parse(text, now: WallTime(seconds: 100))?.seconds == seconds)
  }

  @Test func writesWhatItReads() {
    #expect(CivilTime.text(WallTime(seconds: 1_801_418_405)) == "2027-01-31T18:00:05Z")
    #expect(CivilTime.text(WallTime(seconds: -1)) == "1969-12-31T23:59:59Z")
    for seconds in stride(from: Int64(0), to: 20_000_000_000, by: 86_399 * 971) {
      let time = WallTime(seconds: seconds)
      #expect(CivilTime.parse(CivilTime.text(time), now: WallTime(seconds: 0)) == time)
    }
  }
}
