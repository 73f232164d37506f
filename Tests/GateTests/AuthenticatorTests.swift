import Services
import Testing
import WireKit

@testable import Gate

struct AuthenticatorTests {
  @Test func aPasswordOpensWhatTheRolesPermit() async throws {
    let gate = try await TestGate()
    try await gate.add("ann", roles: ["staff"])
    let result = try await gate.logIn("Ann", "correct horse")
    let identity = AccountIdentity(
      name: "ann@lab.test", roles: ["staff"], permissions: ["mail", "files:home", "rdp", "web:self"])
    #expect(result == .granted(identity))
    #expect(try await gate.logIn("ann@lab.test", "correct horse", service: .ssh).isGranted)
    #expect(try await gate.logIn("ann", "wrong horse") == .denied)
    #expect(gate.lastReason == "wrong password")
    #expect(try await gate.logIn("ann", "correct horse", service: .telnet) == .denied)
    #expect(gate.lastReason == "not permitted for this service")
    #expect(try await gate.logIn("ann@other.test", "correct horse") == .denied)
    #expect(gate.lastReason == "unknown name")
  }

  @Test(arguments: [
    ("staff", ServiceName.imap, true), ("staff", .pop3s, true), ("staff", .submission, true), ("staff", .ftp, true),
    ("staff", .ssh, true), ("staff", .rdp, true), ("staff", .https, true), ("staff", .telnet, false),
    ("staff", .admin, false), ("staff", .dns, false), ("netops", .ssh, true), ("netops", .telnet, true),
    ("netops", .admin, true), ("netops", .ftp, false), ("netops", .imap, false), ("none", .imap, false),
    ("admin", .imap, true), ("admin", .admin, true), ("admin", .ssh, true), ("admin", .dhcp, false),
  ])
  func rolesOpenServices(_ role: String, _ service: ServiceName, _ isOpen: Bool) async throws {
    let gate = try await TestGate()
    try await gate.add("ann", roles: [role])
    #expect(try await gate.logIn("ann", "correct horse", service: service).isGranted == isOpen)
  }

  @Test func anAddressIsANameToo() async throws {
    let gate = try await TestGate()
    _ = try await gate.directory.create(
      AccountSpecification(name: "ann", addresses: ["info@other.test"], roles: ["staff"]))
    try await gate.directory.setPassword(Secret("correct horse"), of: "ann")
    guard case .granted(let identity) = try await gate.logIn("INFO@other.test", "correct horse") else {
      Issue.record("not granted")
      return
    }
    #expect(identity.name == "ann@lab.test")
  }

  /// Counted, not timed: whatever is wrong, an attempt costs one verification, and the store is asked the same.
  @Test func everyRefusalCostsTheSame() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    try await gate.add("off")
    _ = try await gate.directory.create(AccountSpecification(name: "bare", roles: ["staff"]))
    var change = AccountChange()
    change.isDisabled = true
    _ = try await gate.directory.change("off", change)
    _ = try await gate.directory.addAppPassword(
      label: "phone", services: [.pop3], networks: [], expires: nil, to: "ann")
    let names = [
      "ann", "off", "bare", "nobody", "", "no name", "../etc", "ann@", "\u{0}", String(repeating: "x", count: 5000),
    ]
    for name in names {
      for password in ["wrong horse", "", "123456", "abcde-abcde-abcde-abcde"] {
        let before = gate.hasher.seen.verifications
        #expect(try await gate.logIn(name, password) == .denied, "\(name)")
        #expect(gate.hasher.seen.verifications == before + 1, "\(name) \(password)")
      }
    }
    #expect(gate.hasher.seen.hashes == 3, "one dummy, two passwords")
  }

  @Test func disabledAndExpiredAccountsStayOut() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    var change = AccountChange()
    change.isDisabled = true
    _ = try await gate.directory.change("ann", change)
    #expect(try await gate.logIn("ann", "correct horse") == .denied)
    #expect(gate.lastReason == "account disabled")
    change.isDisabled = false
    change.expires = .at(gate.clock.wallTime() + .seconds(10))
    _ = try await gate.directory.change("ann", change)
    #expect(try await gate.logIn("ann", "correct horse").isGranted)
    gate.clock.advance(seconds: 10)
    #expect(try await gate.logIn("ann", "correct horse") == .denied)
    #expect(gate.lastReason == "account expired")
    change.expires = AccountChange.Limit.none
    _ = try await gate.directory.change("ann", change)
    #expect(try await gate.logIn("ann", "correct horse").isGranted)
  }

  @Test func anAppPasswordOpensItsServicesFromItsNetworksForItsTime() async throws {
    let gate = try await TestGate()
    let ann = try await gate.add("ann", roles: ["admin"])
    let networks = [try #require(IPNetwork("192.0.2.0/24"))]
    let (_, secret) = try await gate.directory.addAppPassword(
      label: "phone", services: [.imaps], networks: networks, expires: gate.clock.wallTime() + .seconds(100), to: "ann")
    let text = secret.withBytes { String(decoding: $0, as: UTF8.self) }
    #expect(try await gate.logIn("ann", text).isGranted)
    #expect(try await gate.logIn("ann", text.uppercased().replacing("-", with: "")).isGranted)
    #expect(gate.hasher.seen.verifications == 0, "an app password needs no slow hash")
    #expect(try await gate.store.appPasswords(of: ann.id).first?.lastUsed == gate.clock.wallTime())
    #expect(try await gate.logIn("ann", text, service: .smtp) == .denied)
    #expect(gate.lastReason == "app password not for this service")
    #expect(try await gate.logIn("ann", text, peer: Endpoint(IPAddress(198, 51, 100, 1), 1)) == .denied)
    #expect(gate.lastReason == "app password not from this network")
    #expect(try await gate.logIn("bob", text) == .denied)
    gate.clock.advance(seconds: 100)
    #expect(try await gate.logIn("ann", text) == .denied)
    #expect(gate.lastReason == "app password expired")
    let (_, open) = try await gate.directory.addAppPassword(
      label: "any", services: [], networks: [], expires: nil, to: "ann")
    let any = open.withBytes { String(decoding: $0, as: UTF8.self) }
    #expect(try await gate.logIn("ann", any, service: .ftp).isGranted)
    #expect(try await gate.logIn("ann", any, service: .admin) == .denied)
  }

  @Test func theSecondFactorIsAskedForAndItsCodeWorksOnce() async throws {
    let gate = try await TestGate()
    let secret = try await enrol(gate, "ann", roles: ["staff"])
    #expect(try await gate.logIn("ann", "correct horse") == .codeNeeded)
    #expect(try await gate.logIn("ann", "wrong horse", code: code(gate, secret)) == .denied)
    #expect(try await gate.logIn("ann", "correct horse", code: "000000") == .denied)
    #expect(gate.lastReason == "wrong code")
    // The code that confirmed it is used up.
    #expect(try await gate.logIn("ann", "correct horse", code: code(gate, secret)) == .denied)
    #expect(gate.lastReason == "code used before")
    gate.clock.advance(seconds: 60)
    #expect(try await gate.logIn("ann", "correct horse", code: code(gate, secret)).isGranted)
    #expect(try await gate.logIn("ann", "correct horse", code: code(gate, secret)) == .denied)
    #expect(try await gate.logIn("ann", "correct horse", code: code(gate, secret, drift: -1)) == .denied)
    #expect(try await gate.logIn("ann", "correct horse", code: code(gate, secret, drift: 1)).isGranted)
  }

  @Test func aCodeMayStandBehindThePassword() async throws {
    let gate = try await TestGate()
    let secret = try await enrol(gate, "ann", roles: ["staff"])
    gate.clock.advance(seconds: 60)
    for password in ["correct horse" + code(gate, secret), "correct horse123456", "wrong horse" + code(gate, secret)] {
      let before = gate.hasher.seen.verifications
      let isRight = password.hasPrefix("correct") && !password.hasSuffix("123456")
      #expect(try await gate.logIn("ann", password).isGranted == isRight)
      #expect(gate.hasher.seen.verifications == before + 1)
    }
  }

  @Test func aRecoveryCodeWorksOnce() async throws {
    let gate = try await TestGate()
    _ = try await enrol(gate, "ann", roles: ["staff"])
    let codes = try await gate.directory.renewRecoveryCodes(of: "ann")
    #expect(codes.count == 10)
    let first = codes[0].withBytes { String(decoding: $0, as: UTF8.self) }
    #expect(try await gate.logIn("ann", "wrong horse", code: first) == .denied)
    #expect(try await gate.logIn("ann", "correct horse", code: first).isGranted)
    #expect(try await gate.logIn("ann", "correct horse", code: first) == .denied)
    #expect(try await gate.directory.details("ann").recoveryCodes == 9)
  }

  @Test func aRoleMayDemandASecondFactor() async throws {
    let gate = try await TestGate()
    try await gate.add("root", roles: ["admins"])
    #expect(try await gate.logIn("root", "correct horse") == .denied)
    #expect(gate.lastReason == "second factor required, but not set up")
    let secret = try await enrol(gate, "boss", roles: ["admins"])
    #expect(try await gate.logIn("boss", "correct horse") == .codeNeeded)
    gate.clock.advance(seconds: 60)
    #expect(try await gate.logIn("boss", "correct horse", code: code(gate, secret)).isGranted)
  }

  @Test func aKeyOpensWithItsOptions() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    let key = try await gate.directory.addKey(
      "from=\"192.0.2.0/24\",restrict ssh-ed25519 \(KeyTests.ed25519)", to: "ann")
    let attempt = { (name: String, blob: [UInt8], address: IPAddress) in
      LogInAttempt(
        name: name, credential: .provenPublicKey(blob), service: .ssh, peer: Endpoint(address, 1), isEncrypted: true)
    }
    let near = IPAddress(192, 0, 2, 9)
    let far = IPAddress(198, 51, 100, 9)
    guard case .granted(let identity) = try await gate.authenticator.authenticate(attempt("ann", key.blob, near)) else {
      Issue.record("not granted")
      return
    }
    #expect(identity.keyOptions == "from=\"192.0.2.0/24\",restrict")
    #expect(try await gate.authenticator.authenticate(attempt("ann", key.blob, far)) == .denied)
    #expect(try await gate.authenticator.authenticate(attempt("ann", [1, 2], near)) == .denied)
    #expect(try await gate.authenticator.authenticate(attempt("nobody", key.blob, near)) == .denied)
    #expect(try await gate.authenticator.acceptsPublicKey(key.blob, account: "ann", peer: near))
    #expect(try await !gate.authenticator.acceptsPublicKey(key.blob, account: "ann", peer: far))
    #expect(try await !gate.authenticator.acceptsPublicKey([1], account: "ann", peer: near))
    #expect(try await !gate.authenticator.acceptsPublicKey(key.blob, account: "nobody", peer: near))
    #expect(gate.hasher.seen.verifications == 0)
  }

  @Test func failuresOverOneProtocolKeepASourceFromAll() async throws {
    let gate = try await TestGate(penalties: PenaltySettings())
    try await gate.add("ann")
    for name in ["ann", "nobody", "ann"] { #expect(try await gate.logIn(name, "wrong", service: .ssh) == .denied) }
    let before = gate.hasher.seen.verifications
    #expect(try await gate.logIn("ann", "correct horse", service: .imaps) == .penalised(retryAfterSeconds: 15))
    #expect(try await !gate.authenticator.acceptsPublicKey([1], account: "ann", peer: TestGate.peer.address))
    #expect(gate.hasher.seen.verifications == before, "nothing was checked")
    let elsewhere = Endpoint(IPAddress(192, 0, 2, 8), 1)
    #expect(try await gate.logIn("ann", "correct horse", peer: elsewhere).isGranted)
    #expect(gate.penalties.clear(IPNetwork(TestGate.peer.address)) == 1)
    #expect(try await gate.logIn("ann", "correct horse").isGranted)
  }

  @Test func anExemptNetworkIsNeverLockedOut() async throws {
    let network = try #require(IPNetwork("192.0.2.0/24"))
    let gate = try await TestGate(penalties: PenaltySettings(exempt: [network]))
    try await gate.add("ann")
    for _ in 0..<50 { #expect(try await gate.logIn("ann", "wrong") == .denied) }
    #expect(try await gate.logIn("ann", "correct horse").isGranted)
  }

  @Test func aFloodOfLogInsRunsFewHashesAtOnce() async throws {
    let gate = try await TestGate(
      hasher: CountingHasher(pauseMicroseconds: 2000), concurrency: 2, maximumWaiting: 20)
    try await gate.add("ann")
    let busy = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<100 {
        group.addTask { (try? await gate.logIn(number % 2 == 0 ? "ann" : "nobody", "wrong")) == nil }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(gate.hasher.seen.mostRunning <= 2)
    #expect(busy + gate.hasher.seen.verifications == 100)
    #expect(try await gate.logIn("ann", "correct horse").isGranted)
  }

  @Test(arguments: [StoreError.Code.unavailable, .corrupt])
  func aStoreThatFailsIsATemporaryFailureForKnownAndUnknown(_ code: StoreError.Code) async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    await gate.store.setFault(StoreError(code, "injected"))
    for name in ["ann", "nobody"] {
      await #expect(throws: ServiceUnavailable.self) { try await gate.logIn(name, "correct horse") }
    }
    #expect(gate.penalties.list().isEmpty, "our own failure is nobody's misbehaviour")
  }

  @Test func aFullDiskKeepsNobodyOut() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    await gate.store.setFault(StoreError(.full, "injected"))
    #expect(try await gate.logIn("ann", "correct horse").isGranted)
  }

  @Test func eventsSayWhyAndShowNoSecret() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    _ = try await gate.logIn("ann", "correct horse")
    _ = try await gate.logIn("hunter2 is my password", "correct horse battery")
    await gate.events.flush()
    let records = try await gate.auditStore.page(AuditFilter(), from: .after(0), limit: 10)
    #expect(records.map(\.entry.action) == ["log-in granted", "log-in refused"])
    #expect(records.map(\.entry.actor) == ["ann@lab.test", "(nobody)"])
    #expect(records[0].entry.peer == TestGate.peer && records[0].entry.service == .imaps)
    let text = "\(gate.sink.events)\(records)"
    for secret in ["correct horse", "hunter2"] { #expect(!text.contains(secret)) }
  }

  @Test func theRealHashLogsIn() async throws {
    let hasher = try #require(Argon2idHasher())
    let gate = try await TestGate()
    let directory = AccountDirectory(
      store: gate.store, gate: HashingGate(hasher: hasher), keys: gate.directory.keys, roles: gate.directory.roles,
      clock: gate.clock, defaultDomain: "lab.test")
    _ = try await directory.create(AccountSpecification(name: "ann", roles: ["staff"]))
    try await directory.setPassword(Secret("pencil and paper"), of: "ann")
    let authenticator = try await Authenticator(directory: directory, penalties: gate.penalties, events: gate.events)
    let attempt = { (password: String) in
      LogInAttempt(
        name: "ann", credential: .password(Secret(password)), service: .imaps, peer: TestGate.peer, isEncrypted: true)
    }
    #expect(try await authenticator.authenticate(attempt("pencil and paper")).isGranted)
    #expect(try await authenticator.authenticate(attempt("pencil and papes")) == .denied)
    #expect(try await directory.scramVerifier(of: "ann") != nil)
  }

  private func enrol(_ gate: TestGate, _ name: String, roles: [String]) async throws -> Secret {
    let account = try await gate.add(name, roles: roles)
    _ = try await gate.directory.beginTOTP(of: name, issuer: "Lab")
    let sealed = try #require(try await gate.store.totp(of: account.id)).sealedSecret
    let secret = try #require(gate.directory.keys.unseal(sealed, purpose: "totp", of: account.id))
    _ = try await gate.directory.confirmTOTP(of: name, code: Secret(code(gate, secret)))
    return secret
  }

  private func code(_ gate: TestGate, _ secret: Secret, drift: Int64 = 0) -> String {
    String(decoding: TOTP.code(secret: secret, step: TOTP.step(at: gate.clock.wallTime()) + drift), as: UTF8.self)
  }
}
