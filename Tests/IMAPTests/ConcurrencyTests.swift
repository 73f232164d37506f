import IMAPKit
import TestKit
import Testing

/// What a client knows of its mailbox, kept by nothing but the responses (RFC 9051 §7.5): if the server ever breaks the order, this
/// goes wrong.
private struct ClientView {
  /// UIDs by sequence number; `nil` for a message whose UID the client has not learned yet.
  var messages: [UInt32?] = []
  var flags: [UInt32: Set<String>] = [:]

  mutating func take(_ line: String, during command: String) throws {
    let words = line.split(separator: " ", maxSplits: 3).map(String.init)
    guard words.count >= 3, words[0] == "*" else { return }
    if words[1] == "VANISHED" { throw TestIMAPClient.Failure(description: "VANISHED was not enabled") }
    guard let number = Int(words[1]) else { return }
    switch words[2] {
    case "EXISTS":
      guard number >= messages.count else {
        throw TestIMAPClient.Failure(description: "EXISTS \(number) takes messages away from \(messages.count)")
      }
      messages += Array(repeating: nil, count: number - messages.count)
    case "EXPUNGE":
      guard !["FETCH", "STORE", "SEARCH"].contains(command) else {
        throw TestIMAPClient.Failure(description: "EXPUNGE during \(command)")
      }
      guard number >= 1, number <= messages.count else {
        throw TestIMAPClient.Failure(description: "EXPUNGE \(number) of \(messages.count)")
      }
      if let uid = messages.remove(at: number - 1) { flags[uid] = nil }
    case "FETCH":
      guard number >= 1, number <= messages.count else {
        throw TestIMAPClient.Failure(description: "FETCH \(number) of \(messages.count)")
      }
      guard let uid = Self.value(of: "UID", in: line).flatMap(UInt32.init) ?? messages[number - 1] else { return }
      if let known = messages[number - 1], known != uid {
        throw TestIMAPClient.Failure(description: "\(number) was UID \(known), now \(uid)")
      }
      messages[number - 1] = uid
      if let open = line.range(of: "FLAGS (")?.upperBound, let close = line[open...].firstIndex(of: ")") {
        flags[uid] = Set(line[open..<close].split(separator: " ").map(String.init)).subtracting(["\\Recent"])
      }
    default: break
    }
  }

  private static func value(of name: String, in line: String) -> String? {
    let words = line.split(whereSeparator: { " ()".contains($0) })
    guard let index = words.firstIndex(of: Substring(name)), index + 1 < words.count else { return nil }
    return String(words[index + 1])
  }
}

extension String {
  fileprivate func range(of text: String) -> Range<Index>? { firstRange(of: text) }
}

/// Several clients do at random what clients do, on one mailbox at once; each keeps its own picture by the responses alone. In the
/// end all pictures are one, and what a fresh client sees.
@Suite(.serialized) struct ConcurrencyTests {
  private static let flags = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Work"]

  @Test(arguments: [1, 2, 3, 4]) func pictures(seed: UInt64) async throws {
    let server = try await TestMailServer()
    let views = try await withThrowingTaskGroup(of: (Int, ClientView, TestIMAPClient).self) { group in
      for number in 0..<4 {
        group.addTask {
          let (view, client) = try await Self.run(server, seed: seed * 10 + UInt64(number))
          return (number, view, client)
        }
      }
      var all: [(ClientView, TestIMAPClient)] = []
      for try await (_, view, client) in group { all.append((view, client)) }
      return all
    }
    let fresh = try await TestIMAPClient.open(server)
    var truth = ClientView()
    truth.messages = Array(repeating: nil, count: try await Self.count(fresh))
    for line in try await fresh.expectOK("UID FETCH 1:* (FLAGS)").untagged { try truth.take(line, during: "UID") }
    for (view, client) in views {
      var view = view
      for line in try await client.expectOK("NOOP").untagged { try view.take(line, during: "NOOP") }
      for line in try await client.expectOK("UID FETCH 1:* (UID)").untagged { try view.take(line, during: "UID") }
      #expect(view.messages == truth.messages)
      // Flags were only told, never asked for: what was told must be the truth.
      for (uid, flags) in view.flags { #expect(truth.flags[uid] == flags, "flags of \(uid)") }
    }
  }

  private static func count(_ client: TestIMAPClient) async throws -> Int {
    let lines = try await client.expectOK("SELECT INBOX").lines("EXISTS")
    return Int(lines.first?.split(separator: " ")[1] ?? "") ?? 0
  }

  private static func run(_ server: TestMailServer, seed: UInt64) async throws -> (ClientView, TestIMAPClient) {
    var random = SeededGenerator(seed: seed)
    let client = try await TestIMAPClient.open(server, "ann", nil)
    var view = ClientView()
    view.messages = Array(repeating: nil, count: try await count(client))
    for _ in 0..<60 {
      let (command, kind) = next(&random, view)
      let answer = try await client.command(command)
      guard !answer.completion.hasPrefix("BAD") else {
        throw TestIMAPClient.Failure(description: "\(command): \(answer.completion)")
      }
      for line in answer.untagged { try view.take(line, during: kind) }
      // What was changed in silence is not told: the client would have to work it out.
      if command.contains(".SILENT"), let number = Int(command.split(separator: " ")[1]),
        let uid = view.messages[number - 1]
      {
        view.flags[uid] = nil
      }
    }
    return (view, client)
  }

  /// A command, and the word that decides whether EXPUNGE may be told during it.
  private static func next(_ random: inout SeededGenerator, _ view: ClientView) -> (String, String) {
    let count = view.messages.count
    let one = count > 0 ? Int.random(in: 1...count, using: &random) : 0
    let other = count > 0 ? Int.random(in: 1...count, using: &random) : 0
    let flag = flags[Int.random(in: 0..<flags.count, using: &random)]
    switch Int.random(in: 0..<12, using: &random) {
    case 0...3: return ("APPEND INBOX (\(flag)) {9+}\r\na: b\r\n\r\nc", "APPEND")
    case 4 where count > 0: return ("FETCH \(one):\(other) (UID FLAGS)", "FETCH")
    case 5 where count > 0: return ("STORE \(one):\(other) +FLAGS (\(flag))", "STORE")
    case 6 where count > 0: return ("STORE \(one) -FLAGS.SILENT (\(flag))", "STORE")
    case 7 where count > 0: return ("STORE \(one) +FLAGS (\\Deleted)", "STORE")
    case 8: return ("EXPUNGE", "EXPUNGE")
    case 9 where count > 0: return ("UID MOVE \(view.messages[one - 1] ?? 1) Trash", "UID")
    case 10: return ("SEARCH UNSEEN", "SEARCH")
    default: return ("NOOP", "NOOP")
    }
  }

  /// An APPEND is told to who waits within a few milliseconds of its own answer.
  @Test func arrivalsArePushed() async throws {
    let server = try await TestMailServer()
    let one = try await TestIMAPClient.open(server)
    let two = try await TestIMAPClient.open(server)
    try await two.send("i IDLE\r\n")
    _ = try await two.line()
    var longest = Duration.zero
    for number in 1...20 {
      try await one.append("a: b\r\n\r\nc")
      let clock = ContinuousClock()
      let start = clock.now
      while try await two.line() != "* \(number) EXISTS" {}
      longest = max(longest, clock.now - start)
      _ = try await two.line()
    }
    // The machine that runs all tests at once is slow; the bound only tells push from polling.
    #expect(longest < .milliseconds(250), "\(longest)")
  }
}
