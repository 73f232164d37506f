import Services
import Testing

@testable import Gate

struct DirectoryTests {
  @Test(
    arguments: [
      ("ann", "ann@lab.test"), ("Ann@LAB.test", "ann@lab.test"), ("a.b-c_d+e@x", "a.b-c_d+e@x"), ("1@2.3", "1@2.3"),
      ("", nil), ("@", nil), ("@x", nil), ("a@", nil), ("a@@b", nil), ("a b", nil), ("a/b", nil), ("..", nil),
      (".a", nil),
      ("a.", nil), ("a..b", nil), ("-a", nil), ("a@-x", nil), ("a@x..y", nil), ("a@x.", nil), ("ä", nil),
      ("a\u{0}", nil),
      ("a\n", nil), ("a@b@c", nil), (String(repeating: "a", count: 65), nil),
    ] as [(String, String?)])
  func names(_ text: String, _ full: String?) {
    #expect(AccountName.normalise(text, defaultDomain: "lab.test") == full)
  }

  @Test func aPasswordNeedsTenCharactersUnlessForced() async throws {
    let gate = try await TestGate()
    _ = try await gate.directory.create(AccountSpecification(name: "ann"))
    for password in ["", "short", "123456789", "äöüäöüäöü"] {
      await #expect(
        performing: { try await gate.directory.setPassword(Secret(password), of: "ann") },
        throws: {
          ($0 as? DirectoryError)?.code == .badPassword
        })
    }
    try await gate.directory.setPassword(Secret("short"), of: "ann", force: true)
    try await gate.directory.setPassword(Secret("äöüäöüäöüä"), of: "ann")
    for bytes in [
      Array("line\nbreak here".utf8), [0xFF] + Array("0123456789".utf8), [UInt8](repeating: 65, count: 1025),
    ] {
      await #expect(throws: DirectoryError.self) {
        try await gate.directory.setPassword(Secret(bytes), of: "ann", force: true)
      }
    }
  }

  @Test func whatMakesNoSenseIsRefused() async throws {
    let gate = try await TestGate()
    _ = try await gate.directory.create(AccountSpecification(name: "ann", addresses: ["info"]))
    let cases: [(AccountSpecification, DirectoryError.Code)] = [
      (.init(name: "a b"), .badName), (.init(name: "ann"), .conflict), (.init(name: "info@lab.test"), .conflict),
      (.init(name: "bob", addresses: ["info@lab.test"]), .conflict),
      (.init(name: "bob", roles: ["boss"]), .unknownRole),
      (.init(name: "bob", displayName: "a\u{1B}[31m"), .badValue),
      (.init(name: "bob", displayName: "a\u{202E}b"), .badValue),
      (.init(name: "bob", groups: ["a,b"]), .badValue), (.init(name: "bob", quotaBytes: -1), .badValue),
    ]
    for (specification, code) in cases {
      await #expect(
        performing: { _ = try await gate.directory.create(specification) },
        throws: {
          ($0 as? DirectoryError)?.code == code
        })
    }
    await #expect(
      performing: { _ = try await gate.directory.account("bob") },
      throws: {
        ($0 as? DirectoryError)?.code == .notFound
      })
  }

  @Test func detailsShowNoSecret() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    _ = try await gate.directory.addAppPassword(label: "phone", services: [], networks: [], expires: nil, to: "ann")
    let details = try await gate.directory.details("ann")
    #expect(details.hasPassword && details.appPasswords.map(\.label) == ["phone"])
    #expect(details.appPasswords[0].hash.isEmpty)
  }

  @Test func anAppPasswordNeverOpensTheAdministration() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    await #expect(throws: DirectoryError.self) {
      try await gate.directory.addAppPassword(label: "x", services: [.admin], networks: [], expires: nil, to: "ann")
    }
  }

  @Test func aConfirmedSecondFactorIsNotReplacedInPassing() async throws {
    let gate = try await TestGate()
    let ann = try await gate.add("ann")
    _ = try await gate.directory.beginTOTP(of: "ann", issuer: "Lab")
    await #expect(throws: DirectoryError.self) {
      try await gate.directory.confirmTOTP(of: "ann", code: Secret("000000"))
    }
    #expect(try await gate.logIn("ann", "correct horse").isGranted, "not confirmed, so not asked for")
    // Beginning again is fine as long as nothing is confirmed.
    _ = try await gate.directory.beginTOTP(of: "ann", issuer: "Lab")
    var state = try #require(try await gate.store.totp(of: ann.id))
    state.isConfirmed = true
    try await gate.store.setTOTP(state, of: ann.id)
    await #expect(throws: DirectoryError.self) { try await gate.directory.beginTOTP(of: "ann", issuer: "Lab") }
    try await gate.directory.removeTOTP(of: "ann")
    _ = try await gate.directory.beginTOTP(of: "ann", issuer: "Lab")
  }
}
