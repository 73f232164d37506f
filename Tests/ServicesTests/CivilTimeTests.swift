import Services
import Testing

@Suite struct CivilTimeTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z", 4), (-1, "1969-12-31T23:59:59Z", 3), (951_782_400, "2000-02-29T00:00:00Z", 2),
      (1_709_164_799, "2024-02-28T23:59:59Z", 3), (4_102_444_800, "2100-01-01T00:00:00Z", 5),
      (1_795_392_000, "2026-11-23T00:00:00Z", 1), (-62_135_596_800, "0001-01-01T00:00:00Z", 1),
    ] as [(Int64, String, Int)]) func calendar(seconds: Int64, text: String, weekday: Int)
  {
    let time = CivilTime(WallTime(seconds: seconds))
    #expect(time.rfc3339 == text)
    #expect(time.weekday == weekday)
  }

  @Test func addsAndSubtracts() {
    let time = WallTime(seconds: 10, nanoseconds: 800_000_000)
    #expect(time + .milliseconds(300) == WallTime(seconds: 11, nanoseconds: 100_000_000))
    #expect(time + .milliseconds(-900) == WallTime(seconds: 9, nanoseconds: 900_000_000))
    #expect(WallTime(seconds: 11) - time == .milliseconds(200))
    #expect(WallTime(seconds: .max) + .seconds(1) == WallTime(seconds: .max, nanoseconds: 0))
    #expect(WallTime(seconds: 5, nanoseconds: 7_000_000).rfc3339 == "1970-01-01T00:00:05.007Z")
  }
}

@Suite struct AccountIdentityTests {
  @Test func aPermissionGrantsWhatStandsBehindIt() {
    let ann = AccountIdentity(name: "ann@lab.test", roles: ["staff"], permissions: ["mail", "files:home"])
    #expect(ann.permits("mail") && ann.permits("mail:send") && ann.permits("files:home"))
    #expect(!ann.permits("files") && !ann.permits("files:all") && !ann.permits("mailbox"))
    #expect(AccountIdentity(name: "r", roles: [], permissions: ["all"]).permits("console:edit"))
  }
}

@Suite struct SecretTests {
  @Test func hasNoTextualForm() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(secret, to: &dumped)
    for text in ["\(secret)", String(reflecting: secret), String(describing: [secret]), dumped] {
      #expect(!text.contains("hunter2") && !text.contains("104"))
    }
  }
}
