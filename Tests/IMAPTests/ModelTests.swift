import IMAPKit
import TestKit
import Testing

/// What a mailbox holds, by the rules alone: written from the RFC, not from the server.
private struct Model {
  struct Message: Equatable {
    var uid: UInt32
    var flags: Set<String>
  }

  var messages: [Message] = []
  var nextUID: UInt32 = 1

  func message(_ uid: UInt32) -> Message? { messages.first { $0.uid == uid } }

  mutating func append(_ flags: Set<String>) -> UInt32 {
    messages.append(Message(uid: nextUID, flags: flags))
    nextUID += 1
    return nextUID - 1
  }

  mutating func change(_ uids: [UInt32], _ body: (inout Set<String>) -> Void) {
    for index in messages.indices where uids.contains(messages[index].uid) { body(&messages[index].flags) }
  }
}

/// What one client has been told, and so what its numbers mean.
private struct Picture {
  var mailbox: String
  var uids: [UInt32] = []
  var flags: [UInt32: Set<String>] = [:]
}

/// N clients do random commands on shared mailboxes, one at a time in an order that a seed decides, so that every answer is known
/// beforehand; a model checks each of them: what is told, in which order, and that nothing is told twice or never.
@Suite(.serialized) struct ModelTests {
  private static let flagNames = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Work"]
  private static let clients = 5

  @Test(arguments: [11, 12, 13, 14, 15, 16]) func everyAnswerIsTheModels(seed: UInt64) async throws {
    let server = try await TestMailServer()
    var run = try await Run(server, seed: seed)
    for step in 0..<250 { try await run.step(step) }
    try await run.finish()
  }

  private struct Run {
    var random: SeededGenerator
    var models: [String: Model] = ["INBOX": Model(), "Archive": Model()]
    var sessions: [(client: TestIMAPClient, picture: Picture)] = []
    let seed: UInt64

    init(_ server: TestMailServer, seed: UInt64) async throws {
      random = SeededGenerator(seed: seed)
      self.seed = seed
      // The owner's sessions, and one of somebody who may do everything there too.
      let ann = try await TestIMAPClient.open(server, "ann", nil)
      for name in ["INBOX", "Archive"] { try await ann.expectOK("SETACL \(name) bob@lab.test lrswipkxte") }
      for number in 0..<ModelTests.clients {
        let isGuest = number == ModelTests.clients - 1
        let client = try await TestIMAPClient.open(server, isGuest ? "bob" : "ann", nil, enabling: "IMAP4rev2")
        let name = number % 2 == 0 ? "INBOX" : "Archive"
        try await client.expectOK("SELECT \(isGuest ? "#user/ann@lab.test/" : "")\(name)")
        sessions.append((client, Picture(mailbox: name)))
      }
    }

    private mutating func pick(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

    // MARK: One command

    mutating func step(_ number: Int) async throws {
      let index = pick(0..<sessions.count)
      let picture = sessions[index].picture
      let flag = ModelTests.flagNames[pick(0..<ModelTests.flagNames.count)]
      let (low, high) = picture.uids.isEmpty ? (0, 0) : bounds(picture.uids.count)
      let chosen = picture.uids.isEmpty ? [] : Array(picture.uids[low...high])
      let set = "\(low + 1):\(high + 1)"
      switch pick(0..<13) {
      case 0...2: try await append(index, flag)
      case 3 where !chosen.isEmpty: try await fetch(index, set, chosen)
      case 4 where !chosen.isEmpty: try await store(index, "STORE \(set) +FLAGS (\(flag))", chosen) { $0.insert(flag) }
      case 5 where !chosen.isEmpty: try await store(index, "STORE \(set) -FLAGS (\(flag))", chosen) { $0.remove(flag) }
      case 6 where !chosen.isEmpty:
        try await store(index, "UID STORE \(chosen[0]) FLAGS (\(flag))", [chosen[0]], byUID: true) { $0 = [flag] }
      case 7 where !chosen.isEmpty:
        try await store(index, "STORE \(low + 1) +FLAGS (\\Deleted)", [chosen[0]]) { $0.insert("\\Deleted") }
      case 8: try await expunge(index)
      case 9: try await search(index, flag)
      case 10 where !chosen.isEmpty: try await move(index, chosen)
      default: try await news(index, "NOOP")
      }
    }

    private mutating func bounds(_ count: Int) -> (Int, Int) {
      let one = pick(0..<count)
      let other = min(count - 1, one + pick(0..<4))
      return (one, other)
    }

    private func model(_ index: Int) -> Model { models[sessions[index].picture.mailbox] ?? Model() }

    // MARK: What each answers

    private mutating func append(_ index: Int, _ flag: String) async throws {
      let name = sessions[index].picture.mailbox
      let uid = models[name]?.append([flag]) ?? 0
      let full = index == sessions.count - 1 ? "#user/ann@lab.test/\(name)" : name
      let answer = try await sessions[index].client.append("a: b\r\n\r\nc", to: full, "(\(flag))")
      #expect(answer.completion.contains(" \(uid)] "), "APPENDUID: \(answer.completion)")
      try takeNews(index, answer.untagged, mayExpunge: true)
    }

    private mutating func fetch(_ index: Int, _ set: String, _ chosen: [UInt32]) async throws {
      let answer = try await sessions[index].client.expectOK("FETCH \(set) (UID FLAGS)")
      let model = model(index)
      var told: [UInt32] = []
      for line in answer.untagged.prefix(chosen.count) {
        let row = try row(line)
        told.append(row.uid)
        #expect(sessions[index].picture.uids[row.number - 1] == row.uid)
        // One that is gone is answered as it was last.
        if let message = model.message(row.uid) { #expect(row.flags == message.flags) }
        sessions[index].picture.flags[row.uid] = row.flags
      }
      #expect(told == chosen)
      try takeNews(index, Array(answer.untagged.dropFirst(chosen.count)), mayExpunge: false)
    }

    private mutating func store(
      _ index: Int, _ command: String, _ chosen: [UInt32], byUID: Bool = false, _ change: (inout Set<String>) -> Void
    ) async throws {
      models[sessions[index].picture.mailbox]?.change(chosen, change)
      let answer = try await sessions[index].client.expectOK(command)
      // Those that are there are told with their flags of now; others' changes may come with them.
      try takeNews(index, answer.untagged, mayExpunge: byUID)
      let model = model(index)
      for uid in chosen where model.message(uid) != nil {
        #expect(sessions[index].picture.flags[uid] == model.message(uid)?.flags, "\(command): \(answer.untagged)")
      }
    }

    private mutating func expunge(_ index: Int) async throws {
      let name = sessions[index].picture.mailbox
      models[name]?.messages.removeAll { $0.flags.contains("\\Deleted") }
      try await news(index, "EXPUNGE")
    }

    private mutating func search(_ index: Int, _ flag: String) async throws {
      let word = flag == "$Work" ? "KEYWORD $Work" : flag.dropFirst().uppercased()
      let answer = try await sessions[index].client.expectOK("SEARCH RETURN (ALL) \(word)")
      let model = model(index)
      let line = try #require(answer.untagged.first { $0.hasPrefix("* ESEARCH") })
      let found = numbers(line)
      for (place, uid) in sessions[index].picture.uids.enumerated() {
        // What is gone and not told yet may be found or not.
        guard let message = model.message(uid) else { continue }
        #expect(found.contains(place + 1) == message.flags.contains(flag), "\(word): \(line)")
      }
      try takeNews(index, answer.untagged.filter { $0 != line }, mayExpunge: false)
    }

    private mutating func move(_ index: Int, _ chosen: [UInt32]) async throws {
      let from = sessions[index].picture.mailbox
      let to = from == "INBOX" ? "Archive" : "INBOX"
      let there = chosen.compactMap { models[from]?.message($0) }
      models[from]?.messages.removeAll { message in there.contains { $0.uid == message.uid } }
      let copies = there.map { message in models[to]?.append(message.flags) ?? 0 }
      let full = index == sessions.count - 1 ? "#user/ann@lab.test/\(to)" : to
      let list = chosen.map(String.init).joined(separator: ",")
      let answer = try await sessions[index].client.expectOK("UID MOVE \(list) \(full)")
      let code = answer.untagged.first { $0.contains("[COPYUID ") }
      #expect((code == nil) == there.isEmpty)
      if let first = copies.first, let code { #expect(code.contains(" \(first)"), "\(code)") }
      try takeNews(index, answer.untagged.filter { !$0.contains("[COPYUID ") }, mayExpunge: true)
      upToDate(index)
    }

    private mutating func news(_ index: Int, _ command: String) async throws {
      let answer = try await sessions[index].client.expectOK(command)
      try takeNews(index, answer.untagged, mayExpunge: true)
      upToDate(index)
    }

    /// After a command that tells everything the client's picture is the mailbox.
    private func upToDate(_ index: Int) {
      let (picture, model) = (sessions[index].picture, model(index))
      #expect(picture.uids.count == model.messages.count, "seed \(seed)")
      for (uid, message) in zip(picture.uids, model.messages) where uid != 0 { #expect(uid == message.uid) }
      for message in model.messages {
        if let flags = picture.flags[message.uid] { #expect(flags == message.flags, "flags of \(message.uid)") }
      }
    }

    // MARK: Untagged responses

    private mutating func takeNews(_ index: Int, _ lines: [String], mayExpunge: Bool) throws {
      for line in lines {
        let words = line.split(separator: " ").map(String.init)
        guard words.count > 2, let number = Int(words[1]) else { continue }
        switch words[2] {
        case "EXISTS":
          let known = sessions[index].picture.uids.count
          #expect(number > known, "EXISTS \(number) with \(known)")
          // Which ones came, the model knows: those behind what was known.
          let last = sessions[index].picture.uids.last ?? 0
          let new = model(index).messages.map(\.uid).filter { $0 > last }
          #expect(known + new.count == number, "EXISTS \(number): \(known) and \(new)")
          sessions[index].picture.uids += new
        case "EXPUNGE":
          #expect(mayExpunge, "EXPUNGE where it may not be told")
          guard number >= 1, number <= sessions[index].picture.uids.count else {
            Issue.record("EXPUNGE \(number)")
            continue
          }
          let uid = sessions[index].picture.uids.remove(at: number - 1)
          sessions[index].picture.flags[uid] = nil
          #expect(model(index).message(uid) == nil, "\(uid) is still there")
        case "FETCH":
          var row = try row(line)
          guard number >= 1, number <= sessions[index].picture.uids.count else {
            Issue.record("FETCH \(number)")
            continue
          }
          if row.uid == 0 { row.uid = sessions[index].picture.uids[number - 1] }
          #expect(sessions[index].picture.uids[number - 1] == row.uid)
          if let message = model(index).message(row.uid) { #expect(row.flags == message.flags, "\(line)") }
          sessions[index].picture.flags[row.uid] = row.flags
        default: break
        }
      }
    }

    private func row(_ line: String) throws -> (number: Int, uid: UInt32, flags: Set<String>) {
      let words = line.split(whereSeparator: { " ()".contains($0) }).map(String.init)
      guard words.count > 3, let number = Int(words[1]), let open = line.firstRange(of: "FLAGS (")?.upperBound,
        let close = line[open...].firstIndex(of: ")")
      else { throw TestIMAPClient.Failure(description: "no row: \(line)") }
      let uid = words.firstIndex(of: "UID").flatMap { UInt32(words[$0 + 1]) } ?? 0
      return (number, uid, Set(line[open..<close].split(separator: " ").map(String.init)))
    }

    private func numbers(_ line: String) -> Set<Int> {
      guard let start = line.firstRange(of: " ALL ")?.upperBound else { return [] }
      var result: Set<Int> = []
      for part in line[start...].split(separator: ",") {
        let ends = part.split(separator: ":").compactMap { Int($0) }
        guard let first = ends.first, let last = ends.last else { continue }
        result.formUnion(first...last)
      }
      return result
    }

    /// In the end all of them know the same, and it is what a fresh client sees.
    mutating func finish() async throws {
      for index in sessions.indices {
        try await news(index, "NOOP")
        let answer = try await sessions[index].client.expectOK("UID FETCH 1:* (FLAGS)")
        let rows = try answer.untagged.filter { $0.contains(" FETCH (") }.map { try row($0) }
        let seen = rows.map { Model.Message(uid: $0.uid, flags: $0.flags) }
        #expect(seen == model(index).messages)
      }
    }
  }
}
