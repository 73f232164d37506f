import Services
import SystemSessions
import Testing

@Suite struct SessionTicketTests {
  private let key = SessionTicket.key(from: Secret("a master key of this server, long enough"))
  private let now = WallTime(seconds: 1_800_000_000)

  @Test func onlyTheGatesWordCounts() throws {
    let ticket = SessionTicket(account: "ann@lab.test", user: "ann", now: now)
    let text = try #require(ticket.signed(with: key))
    #expect(SessionTicket(text, key: key, now: now) == ticket)
    let other = SessionTicket.key(from: Secret("another server's master key, as long"))
    #expect(SessionTicket(text, key: other, now: now) == nil)
    // Nothing of it can be changed, and nothing left out.
    for place in text.indices {
      var changed = text
      changed.replaceSubrange(place...place, with: text[place] == "A" ? "B" : "A")
      #expect(SessionTicket(changed, key: key, now: now).map { $0 == ticket } ?? true, "changed at \(place)")
      #expect(SessionTicket(String(text[..<place]), key: key, now: now) == nil)
    }
    for nonsense in ["", ".", "..", "a.b", "\(text).", ".\(text)"] {
      #expect(SessionTicket(nonsense, key: key, now: now) == nil)
    }
  }

  @Test func itIsGoodForAMinute() throws {
    let text = try #require(SessionTicket(account: "ann@lab.test", user: "ann", now: now).signed(with: key))
    #expect(SessionTicket(text, key: key, now: WallTime(seconds: now.seconds + SessionTicket.lifetime)) != nil)
    #expect(SessionTicket(text, key: key, now: WallTime(seconds: now.seconds + SessionTicket.lifetime + 1)) == nil)
    // From a clock that was far ahead.
    #expect(SessionTicket(text, key: key, now: WallTime(seconds: now.seconds - 3_600)) == nil)
  }
}
