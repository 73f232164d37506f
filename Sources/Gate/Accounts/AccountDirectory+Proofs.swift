import Crypto
import Services
import WireKit

import struct FoundationEssentials.Data

/// What proves an account: password, keys, app passwords, second factor.
extension AccountDirectory {
  /// How many recovery codes a set has.
  static let recoveryCodeCount = 10

  /// What sealed and hashed values are bound to.
  enum Purpose {
    static let scram = "scram"
    static let scramSalt = "scram-salt"
    static let totp = "totp"
    static let appPassword = "app-password"
    static let recoveryCode = "recovery-code"
    static let desktop = "desktop"
  }

  /// Sets the password. Refuses one of fewer than ten characters, unless `force`, and one with control characters.
  public func setPassword(_ password: Secret, of name: String, force: Bool = false) async throws(DirectoryError) {
    let account = try await account(name)
    let length = password.withBytes { String(decoding: $0, as: UTF8.self).count }
    guard !password.isEmpty, password.count <= Argon2idHasher.maximumPasswordLength,
      password.withBytes({ String(validating: $0, as: UTF8.self)?.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
        == true
    else {
      throw DirectoryError(.badPassword, "a password is UTF-8 without control characters, 1024 bytes at most")
    }
    guard force || length >= Self.minimumPasswordLength else {
      throw DirectoryError(.badPassword, "a password has at least \(Self.minimumPasswordLength) characters")
    }
    let hash: Secret
    do { hash = try await gate.hash(password) } catch { throw DirectoryError(.unavailable, error.diagnosis) }
    let scram = SCRAMVerifier(password: password, salt: RandomToken.bytes(16)).flatMap {
      keys.seal($0.encoded, purpose: Purpose.scram, of: account.id)
    }
    let verifiers = PasswordVerifiers(hash: hash, scram: scram, changed: clock.wallTime())
    try await directoryCall { () throws(StoreError) in
      try await store.setPasswordVerifiers(verifiers, of: account.id)
    }
  }

  /// Sets a hash that another system made. It is good until the first log-in, which brings the password and so our own.
  public func setPasswordHash(_ text: Secret, of name: String) async throws(DirectoryError) {
    let account = try await account(name)
    switch ForeignHash(text.withBytes { String(decoding: $0, as: UTF8.self) }) {
    case nil: throw DirectoryError(.badPassword, "this hash is of no form that is known here")
    case .some(.none): return
    case .password(let password): try await setPassword(password, of: name, force: true)
    case .hash(let hash):
      let verifiers = PasswordVerifiers(hash: hash, scram: nil, changed: clock.wallTime())
      try await directoryCall { () throws(StoreError) in
        try await store.setPasswordVerifiers(verifiers, of: account.id)
      }
    }
  }

  /// Our own hash in the place of another system's, now that the password is known. The log-in does not depend on it: what
  /// fails is tried again at the next.
  func renew(_ password: Secret, of account: Account) async {
    try? await setPassword(password, of: account.name, force: true)
  }

  /// Sets a random password and returns it; it is shown once.
  public func generatePassword(of name: String) async throws(DirectoryError) -> Secret {
    let password = RandomToken.password()
    try await setPassword(password, of: name)
    return password
  }

  /// Makes a password for remote desktops and returns it; it is shown once. It opens nothing else: what is kept of it is as
  /// good as the password itself.
  public func generateDesktopPassword(of name: String) async throws(DirectoryError) -> Secret {
    let password = RandomToken.password()
    try await setDesktopPassword(password, of: name)
    return password
  }

  /// Sets the password for remote desktops, or takes it away. For laboratories, which have one password for everything.
  public func setDesktopPassword(_ password: Secret?, of name: String) async throws(DirectoryError) {
    let account = try await account(name)
    var sealed: Secret?
    if let password {
      sealed = keys.seal(NTLMSecret(password: password).hash, purpose: Purpose.desktop, of: account.id)
      if sealed == nil { throw DirectoryError(.unavailable, "the secret could not be sealed") }
    }
    let secret = sealed
    try await directoryCall { () throws(StoreError) in try await store.setDesktopSecret(secret, of: account.id) }
  }

  /// The SCRAM-SHA-256 verifier, for a SASL server; `nil` for an account without one.
  public func scramVerifier(of name: String) async throws(DirectoryError) -> SCRAMVerifier? {
    let account = try await account(name)
    let verifiers = try await directoryCall { () throws(StoreError) in
      try await store.passwordVerifiers(of: account.id)
    }
    return verifiers?.scram.flatMap { keys.unseal($0, purpose: Purpose.scram, of: account.id) }
      .flatMap { SCRAMVerifier(encoded: $0) }
  }

  /// Adds a key, given as a line of `authorized_keys`.
  public func addKey(_ line: String, to name: String) async throws(DirectoryError) -> AuthorizedKey {
    let parsed = try AuthorizedKeyLine(line)
    let account = try await account(name)
    let key = AuthorizedKey(
      blob: parsed.blob, options: parsed.options, comment: try self.line(parsed.comment, "comment"),
      created: clock.wallTime())
    do { return try await store.addKey(key, to: account.id) } catch {
      throw error.code == .conflict
        ? DirectoryError(.conflict, "\(account.name) has this key already") : DirectoryError(error)
    }
  }

  /// Removes a key by its fingerprint (`SHA256:…`) or its number.
  public func removeKey(_ which: String, from name: String) async throws(DirectoryError) -> AuthorizedKey {
    let account = try await account(name)
    return try await directoryCall { () throws(StoreError) in
      let keys = try await store.keys(of: account.id)
      guard let key = keys.first(where: { Self.fingerprint(of: $0) == which || String($0.id) == which }) else {
        throw StoreError(.notFound, "\(account.name) has no key '\(Self.shown(which))'")
      }
      try await store.removeKey(key.id, from: account.id)
      return key
    }
  }

  /// `SHA256:` and base 64 without padding, as `ssh-keygen -l` prints it.
  public static func fingerprint(of key: AuthorizedKey) -> String {
    let digest = Data(SHA256.hash(data: key.blob)).base64EncodedString()
    return "SHA256:" + digest.prefix { $0 != "=" }
  }

  /// Makes an app password and returns it with its secret, which is shown once.
  public func addAppPassword(
    label: String, services: Set<ServiceName>, networks: [IPNetwork], expires: WallTime?, to name: String
  ) async throws(DirectoryError) -> (AppPassword, Secret) {
    guard !label.isEmpty else { throw DirectoryError(.badValue, "an app password needs a label: what is it for?") }
    guard !services.contains(.admin) else {
      throw DirectoryError(.badValue, "an app password never opens the administration")
    }
    let account = try await account(name)
    let secret = RandomToken.appPassword()
    guard let token = RandomToken.canonical(secret, characters: 20) else {
      throw DirectoryError(.unavailable, "no app password could be made")
    }
    let password = AppPassword(
      label: try line(label, "label"), hash: keys.hash(token, purpose: Purpose.appPassword, of: account.id),
      services: services, networks: networks, expires: expires, created: clock.wallTime())
    do { return (try await store.addAppPassword(password, to: account.id), secret) } catch {
      throw error.code == .conflict
        ? DirectoryError(.conflict, "\(account.name) has an app password '\(label)' already") : DirectoryError(error)
    }
  }

  /// Removes an app password by its label.
  public func removeAppPassword(_ label: String, from name: String) async throws(DirectoryError) {
    let account = try await account(name)
    try await directoryCall { () throws(StoreError) in
      guard let password = try await store.appPasswords(of: account.id).first(where: { $0.label == label }) else {
        throw StoreError(.notFound, "\(account.name) has no app password '\(Self.shown(label))'")
      }
      try await store.removeAppPassword(password.id, from: account.id)
    }
  }

  /// Makes the secret of a second factor. It counts from the first code on that `confirmTOTP` is given. An account that
  /// has a confirmed one must lose that first.
  public func beginTOTP(of name: String, issuer: String) async throws(DirectoryError) -> TOTPEnrolment {
    let account = try await account(name)
    let secret = Secret(RandomToken.bytes(TOTP.secretLength))
    guard let sealed = keys.seal(secret, purpose: Purpose.totp, of: account.id) else {
      throw DirectoryError(.unavailable, "the secret could not be sealed")
    }
    try await directoryCall { () throws(StoreError) in
      if try await store.totp(of: account.id)?.isConfirmed == true {
        throw StoreError(.conflict, "\(account.name) has a second factor already; remove it first")
      }
      try await store.setTOTP(TOTPState(sealedSecret: sealed), of: account.id)
    }
    return TOTPEnrolment(
      secret: Secret(secret.withBytes { Base32.encode($0) }),
      uri: Secret(TOTP.uri(secret: secret, account: account.name, issuer: issuer)))
  }

  /// Puts the second factor in force by a first code; returns the recovery codes, which are shown once.
  public func confirmTOTP(of name: String, code: Secret) async throws(DirectoryError) -> [Secret] {
    let account = try await account(name)
    let state = try await directoryCall { () throws(StoreError) in try await store.totp(of: account.id) }
    guard let state, !state.isConfirmed else {
      throw DirectoryError(.notFound, "\(account.name) has no second factor that waits for its first code")
    }
    guard let secret = keys.unseal(state.sealedSecret, purpose: Purpose.totp, of: account.id) else {
      throw DirectoryError(.unavailable, "the stored secret can't be opened with this server's key")
    }
    guard let step = TOTP.match(code, secret: secret, at: clock.wallTime(), after: state.lastStep) else {
      throw DirectoryError(.badCode, "the code is not right; is the clock of the device?")
    }
    let confirmed = TOTPState(sealedSecret: state.sealedSecret, isConfirmed: true, lastStep: step)
    try await directoryCall { () throws(StoreError) in try await store.setTOTP(confirmed, of: account.id) }
    return try await renewRecoveryCodes(of: name)
  }

  /// Replaces the recovery codes; they are shown once.
  public func renewRecoveryCodes(of name: String) async throws(DirectoryError) -> [Secret] {
    let account = try await account(name)
    let codes = (0..<Self.recoveryCodeCount).map { _ in RandomToken.recoveryCode() }
    let hashes = codes.compactMap { code in
      RandomToken.canonical(code, characters: 10)
        .map { keys.hash($0, purpose: Purpose.recoveryCode, of: account.id) }
    }
    try await directoryCall { () throws(StoreError) in
      guard try await store.totp(of: account.id)?.isConfirmed == true else {
        throw StoreError(.notFound, "\(account.name) has no second factor")
      }
      try await store.setRecoveryCodes(hashes, of: account.id)
    }
    return codes
  }

  /// Takes the second factor and the recovery codes away.
  public func removeTOTP(of name: String) async throws(DirectoryError) {
    let account = try await account(name)
    try await directoryCall { () throws(StoreError) in try await store.setTOTP(nil, of: account.id) }
  }
}
