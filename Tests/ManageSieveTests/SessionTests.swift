import ManageSieveCore
import SASLCore
import TestKit
import Testing
import WireKit

struct SessionTests {
  private final class Scripts {
    var content: [String: [UInt8]] = [:]
    var active: String?
  }

  private func driver(
    isEncrypted: Bool = true, allowsPlaintext: Bool = false, limits: SieveLimits = SieveLimits()
  ) -> SessionDriver<ManageSieveSession> {
    let scripts = Scripts()
    let profile = SieveProfile(
      limits: limits, offersTLS: true, allowsPlaintext: allowsPlaintext, extensions: ["fileinto", "vacation"])
    let driver = SessionDriver(ManageSieveSession(profile: profile, isEncrypted: isEncrypted)) { request in
      switch request {
      case .authenticate(.password(let proof)):
        let isRight = proof.name == "ann" && proof.password.bytes == Array("secret".utf8)
        return .sasl(isRight ? .granted(account: "ann@lab.test") : .failed(.denied))
      case .authenticate: return .sasl(.failed(.denied))
      case .list: return .scripts(scripts.content.keys.sorted().map { ($0, $0 == scripts.active) })
      case .put(_, let name, let content):
        scripts.content[name] = content
        return .reply(.ok)
      case .get(_, let name): return scripts.content[name].map { .content($0) } ?? .reply(.temporary)
      case .activate(_, let name):
        scripts.active = name
        return .reply(.ok)
      default: return .reply(.ok)
      }
    }
    driver.open()
    return driver
  }

  private static let greeting = """
    "IMPLEMENTATION" "Portside"\r
    "SASL" "SCRAM-SHA-256 PLAIN LOGIN"\r
    "SIEVE" "fileinto vacation"\r
    "VERSION" "1.0"\r
    OK "Portside"\r

    """

  private static let conversation =
    "NOOP \"a\\\"b\"\r\nAUTHENTICATE \"PLAIN\" \"AGFubgBzZWNyZXQ=\"\r\nPUTSCRIPT \"one\" {11+}\r\nkeep;\r\nstop\r\n"
    + "PUTSCRIPT {3+}\r\ntwo \"discard;\"\r\nSETACTIVE \"two\"\r\nLISTSCRIPTS\r\nGETSCRIPT \"one\"\r\nCHECKSCRIPT {0+}\r\n\r\n"
    + "bogus\r\nGETSCRIPT\r\nLOGOUT\r\n"

  private static let answers = """
    OK (TAG "a\\"b") "Done"\r
    OK "Logged in"\r
    OK\r
    OK\r
    OK\r
    "one"\r
    "two" ACTIVE\r
    OK\r
    {11}\r
    keep;\r
    stop\r
    OK\r
    OK\r
    NO "Unknown command"\r
    NO "Arguments not understood"\r
    OK "Bye"\r

    """

  /// All of it pipelined, in pieces of every size.
  @Test(arguments: [1, 2, 3, 5, 7, 11, 1_000]) func aWholeConversation(_ piece: Int) {
    let driver = driver()
    let bytes = Array(Self.conversation.utf8)
    for start in stride(from: 0, to: bytes.count, by: piece) {
      driver.receive(Array(bytes[start..<min(start + piece, bytes.count)]))
    }
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self) == Self.greeting + Self.answers)
  }

  @Test func nothingSecretWithoutTLS() {
    let driver = driver(isEncrypted: false)
    let greeting = String(decoding: driver.takeOutput(), as: UTF8.self)
    #expect(greeting.contains("\"SASL\" \"\"") && greeting.contains("\"STARTTLS\""))
    driver.receive(Array("AUTHENTICATE \"PLAIN\" \"AGFubgBzZWNyZXQ=\"\r\n".utf8))
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self).hasPrefix("NO (ENCRYPT-NEEDED)"))
  }

  @Test func strangersDoNothingAndHoldLittle() {
    let driver = driver()
    _ = driver.takeOutput()
    driver.receive(Array("LISTSCRIPTS\r\nPUTSCRIPT \"a\" {20000+}\r\n".utf8))
    for _ in 0..<20 { driver.receive([UInt8](repeating: 0x41, count: 1000)) }
    driver.receive(Array("\r\nNOOP\r\n".utf8))
    let answer = String(decoding: driver.takeOutput(), as: UTF8.self)
    #expect(answer == "NO \"Not now\"\r\nNO (QUOTA/MAXSIZE) \"The script is too long\"\r\nOK \"Done\"\r\n")
    driver.receive(Array("PUTSCRIPT \"a\" {99999999999+}\r\n".utf8))
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self).hasPrefix("NO"))
    driver.receive(Array("PUTSCRIPT \"a\" {99999999+}\r\n".utf8))
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self).hasPrefix("BYE"))
  }

  @Test func aBrowserIsNotAnswered() {
    let driver = driver()
    _ = driver.takeOutput()
    driver.receive(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
    #expect(driver.takeOutput().isEmpty)
  }

  @Test func guessingEnds() {
    let driver = driver()
    _ = driver.takeOutput()
    for _ in 0..<3 { driver.receive(Array("AUTHENTICATE \"PLAIN\" \"AGFubgB3cm9uZw==\"\r\n".utf8)) }
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self).hasSuffix("BYE \"Too many errors\"\r\n"))
  }

  @Test func stringsLeaveInTheFormThatHoldsThem() {
    #expect(SieveReply.string(Array("a\"b".utf8)) == Array("\"a\\\"b\"".utf8))
    #expect(SieveReply.string([0x61, 0x0A]) == Array("{2}\r\na\n".utf8))
    #expect(SieveReply.string([0xFF]) == Array("{1}\r\n".utf8) + [0xFF])
  }
}
