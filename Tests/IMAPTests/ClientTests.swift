import IMAPClient
import IMAPCore
import IMAPKit
import Testing
import WireKit

/// The client, as a program that keeps a copy of a mailbox uses it.
@Suite struct IMAPClientTests {
  private func open(_ server: TestMailServer) async throws -> IMAPClient {
    let address = try #require(IPAddress("127.0.0.1"))
    let client = try await IMAPClient.connect(
      to: Endpoint(address, UInt16(server.port)), .init(host: nil, security: .none))
    // The accounts of this server have no verifiers for SCRAM.
    #expect(try await client.command("LOGIN ann secret").isOK)
    try await client.readCapabilities()
    return client
  }

  private static let message = Array("Subject: one\r\nX: \"{5}\"\r\n\r\nbody {3}\r\n".utf8)

  @Test func aCopyFollowsItsMailbox() async throws {
    let server = try await TestMailServer()
    let one = try await open(server)
    let two = try await open(server)
    var copy = MailboxCopy("INBOX")
    #expect(try await copy.update(by: one) == .init(isNew: true))
    _ = try await two.select("INBOX")
    #expect(try await two.append(Self.message, to: "INBOX", flags: ["\\Flagged"]) == 1)
    for _ in 0..<3 { try await two.append(Self.message, to: "INBOX") }
    #expect(try await copy.update(by: one) == .init(arrived: [1, 2, 3, 4]))
    #expect(copy.messages[1] == ["\\Flagged"])
    // Octet by octet.
    #expect(try await one.fetch("1", "BODY.PEEK[] RFC822.SIZE").first?.message == Self.message)
    try await two.store(NumberSet([2...3]), adding: true, ["\\Seen", "$Work"])
    try await two.remove(NumberSet([4...4]))
    try await two.move(NumberSet([1...1]), to: "Archive")
    #expect(try await copy.update(by: one) == .init(changed: [2, 3], vanished: [1, 4]))
    #expect(copy.messages == [2: ["\\Seen", "$Work"], 3: ["\\Seen", "$Work"]])
    #expect(try await copy.update(by: one) == .init())
    #expect(try await one.search("KEYWORD $Work") == [2, 3])
    #expect(try await one.mailboxes().contains { $0.name.description == "Sent" && $0.attributes.contains("\\Sent") })
    // A mailbox of that name, but another one.
    var other = MailboxCopy("Work")
    _ = try await two.command("CREATE Work")
    try await two.append(Self.message, to: "Work")
    _ = try await other.update(by: one)
    _ = try await one.command("UNSELECT")
    _ = try await two.command("DELETE Work")
    _ = try await two.command("CREATE Work")
    #expect(try await other.update(by: one) == .init(isNew: true, vanished: [1]))
    await one.close()
    await two.close()
  }

  @Test func newsArriveWhileItWaits() async throws {
    let server = try await TestMailServer()
    let one = try await open(server)
    let two = try await open(server)
    _ = try await one.select("INBOX")
    #expect(try await one.waitForNews(.milliseconds(50)).isEmpty)
    async let news = one.waitForNews(.seconds(30))
    try await Task.sleep(for: .milliseconds(50))
    try await two.append(Self.message, to: "INBOX")
    #expect(try await news.contains(.exists(1)))
    #expect(try await one.search("ALL") == [1])
    await one.close()
    await two.close()
  }

  @Test func responses() throws {
    func read(_ text: String) -> ServerResponse? { ServerResponse(Array(text.utf8)) }
    #expect(read("* 23 EXISTS") == .exists(23))
    #expect(read("* VANISHED (EARLIER) 41,43:45") == .vanished(NumberSet([41...41, 43...45]), isEarlier: true))
    #expect(
      read("* OK [UIDVALIDITY 7] ok")
        == .state("OK", code: [.atom(Array("UIDVALIDITY".utf8)), .atom([0x37])], text: "ok"))
    #expect(read("* SEARCH 2 5") == .search([2, 5]))
    #expect(read("* LIST (\\Sent) \"/\" \"Entw&APw-rfe\"") == .list(MailboxName("Entwürfe"), attributes: ["\\Sent"]))
    let row = try #require(
      read("* 1 FETCH (BODY[HEADER.FIELDS (FROM)]<0> {4}\r\na) b UID 7 X NIL Y ((\"q\\\"\" NIL)))"))
    guard case .fetch(1, false, let items) = row else { throw TestIMAPClient.Failure(description: "\(row)") }
    #expect(items["BODY[HEADER.FIELDS (FROM)]<0>"] == .string(Array("a) b".utf8)))
    #expect(items["UID"]?.number == 7 && items["X"] == ResponseValue.none)
    #expect(items["Y"] == .list([.list([.string(Array("q\"".utf8)), .none])]))
    // What is no response, or too deep, is nothing.
    for text in ["", "*", "* ", "* 1 FETCH (A", "* 1 FETCH (A (", "* VANISHED x", "* STATUS", "+ x"] {
      #expect(read(text) == nil, "\(text)")
    }
    #expect(read("* 1 FETCH (A " + String(repeating: "(", count: 5000) + ")") == nil)
    for cut in 0..<60 { _ = read(String("* 1 FETCH (BODY[HEADER.FIELDS (FROM)]<0> {4}\r\na) b UID 7)".prefix(cut))) }
  }
}
