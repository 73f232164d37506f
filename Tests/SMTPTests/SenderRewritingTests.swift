import SMTPCore
import Services
import Testing

@testable import SMTPServer

struct SenderRewritingTests {
  private let now = WallTime(seconds: 1_800_000_000)

  @Test func sendersComeBackAndForgeriesDoNot() throws {
    let rewriting = try #require(SenderRewriting(key: [UInt8](repeating: 7, count: 32)))
    let sender = try #require(MailAddress("Ann=x@else.test"))
    let first = try #require(rewriting.rewrite(sender, at: "lab.test", now: now))
    #expect(first.local.hasPrefix("SRS0=") && first.domain == "lab.test")
    #expect(rewriting.restore(first, now: now) == sender)
    #expect(rewriting.restore(first, now: now + .seconds(20 * 86_400)) == sender)
    #expect(rewriting.restore(first, now: now + .seconds(23 * 86_400)) == nil)
    let forged = try #require(MailAddress(first.description.replacing("else.test", with: "evil.test")))
    #expect(rewriting.restore(forged, now: now) == nil)
    // A second forwarder keeps the first one's form, and leads back to it.
    let other = try #require(SenderRewriting(key: [UInt8](repeating: 9, count: 32)))
    let second = try #require(other.rewrite(first, at: "next.test", now: now))
    #expect(second.local.hasPrefix("SRS1="))
    #expect(other.restore(second, now: now) == first)
    #expect(rewriting.restore(try #require(MailAddress("ann@lab.test")), now: now) == nil)
    #expect(SenderRewriting(key: []) == nil)
  }
}
