import DNSCore
import Testing
import WireKit

@Suite struct TransferTests {
  private static let apex = "lab.test."

  static func zone(_ text: String, apex: String = apex) throws -> Zone {
    let bytes = Array(text.utf8)
    let loaded = Zone.load(bytes.span.bytes, apex: try Name(apex))
    return try #require(loaded.zone, "\(loaded.findings)")
  }

  static func text(serial: UInt32, _ lines: [String]) -> String {
    "$TTL 60\n@ SOA ns1 who \(serial) 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n" + lines.joined(separator: "\n") + "\n"
  }

  private static func read(_ source: some MessageSource, _ request: TransferReader.Request) throws
    -> TransferReader.Outcome
  {
    var source: any MessageSource = source
    var reader = TransferReader(apex: try Name(apex), id: 4711, request)
    var isDone = false
    while let message = try source.next() {
      #expect(!isDone)
      isDone = try reader.take(message)
    }
    #expect(isDone)
    return try reader.finish()
  }

  static func records(_ zone: Zone) -> Set<ResourceRecord> {
    var records: Set<ResourceRecord> = []
    zone.forEachRecord { records.insert($0) }
    return records
  }

  /// What a transfer of a zone says, message by message (RFC 5936 §2.2): all types of names and pointers, small and large.
  @Test(arguments: [0, 1, 1500])
  func wholeZone(hosts: Int) throws {
    var lines = ["sub NS ns.sub", "ns.sub A 192.0.2.2", "sub.sub.sub MX 5 ns1", "*.w MX 5 a.w", "Case MX 1 cAsE"]
    for host in 0..<hosts {
      lines += ["host\(host) TXT \"text \(host)\"", "host\(host) MX 10 mail.host\(host)", "host\(host) MX 20 ns1"]
    }
    // One set that fills several messages, with names that are compressed within it.
    if hosts > 1 { for index in 0..<1500 { lines.append("many MX \(index) a.very.long.name.host\(index).many") } }
    let zone = try Self.zone(Self.text(serial: 7, lines))
    let question = Question(try Name(Self.apex), .axfr)
    var transfer = ZoneTransfer(of: zone, id: 4711, question: question)
    var records: [ResourceRecord] = []
    var messages = 0
    while let wire = try transfer.next() {
      #expect(wire.count <= 16_384)
      let message = try Message.decode(wire)
      #expect(message.header == Header(id: 4711, flags: [.response, .authoritative]))
      #expect(message.questions == [question] && !message.answers.isEmpty)
      records += message.answers
      messages += 1
    }
    #expect(try transfer.next() == nil)
    #expect(hosts < 1500 ? messages == 1 : messages > 3)
    #expect(records.count == zone.recordCount + 1)
    #expect(records.first?.type == .soa && records.first == records.last)
    #expect(Set(records) == Self.records(zone))
    guard case .whole(let again?) = try Self.read(ZoneTransfer(of: zone, id: 4711, question: question), .whole) else {
      Issue.record("no zone")
      return
    }
    #expect(Self.records(again) == Self.records(zone) && again.contentDigest == zone.contentDigest)
  }

  @Test func differencesThereAndBack() throws {
    let old = try Self.zone(Self.text(serial: 1, ["a A 192.0.2.1", "b A 192.0.2.2", "b A 192.0.2.3", "c.d.e TXT x"]))
    let new = try Self.zone(Self.text(serial: 2, ["a 90 A 192.0.2.1", "b A 192.0.2.2", "f MX 10 a", "@ TXT new"]))
    let difference = try #require(ZoneDifference.between(old, new))
    #expect(difference.fromSerial == 1 && difference.toSerial == 2)
    #expect(difference.removed.count == 3 && difference.added.count == 3)
    let applied = try #require(old.applying(difference))
    #expect(Self.records(applied) == Self.records(new) && applied.contentDigest == new.contentDigest)
    #expect(new.applying(difference) == nil)
    #expect(ZoneDifference.between(old, new, limit: 4) == nil)
    // Journals.
    let entry = JournalEntry.encode(difference, digest: 5)
    let head = try #require(JournalEntry.head(Array(entry.prefix(8))))
    let decoded = try JournalEntry.decode(Array(entry.dropFirst(8)), checksum: head.checksum)
    #expect(decoded.difference == difference && decoded.digest == 5)
    for place in 8..<entry.count {
      var damaged = Array(entry.dropFirst(8))
      damaged[place - 8] ^= 4
      #expect(throws: WireError.self) { try JournalEntry.decode(damaged, checksum: head.checksum) }
    }
  }

  private struct Steps: DifferenceSource {
    var steps: [ZoneDifference]
    mutating func next() throws(WireError) -> ZoneDifference? { steps.isEmpty ? nil : steps.removeFirst() }
  }

  @Test(arguments: [1, 600])
  func incremental(count: Int) throws {
    let zones = try (1...4).map { serial in
      try Self.zone(Self.text(serial: UInt32(serial), (0..<count).map { "h\($0) A 192.0.2.\(serial)" }))
    }
    let steps = zip(zones, zones.dropFirst()).compactMap { ZoneDifference.between($0, $1) }
    let soa = try #require(zones[3].soaRecord)
    let question = Question(try Name(Self.apex), .ixfr)
    let transfer = IncrementalTransfer(Steps(steps: steps), soa: soa, id: 4711, question: question)
    guard case .changes(let received) = try Self.read(transfer, .changes(since: 1)) else {
      Issue.record("no changes")
      return
    }
    #expect(received == steps)
    var zone = zones[0]
    for step in received { zone = try #require(zone.applying(step)) }
    #expect(Self.records(zone) == Self.records(zones[3]))
    // Whole instead of steps, and nothing newer.
    guard case .whole = try Self.read(ZoneTransfer(of: zones[3], id: 4711, question: question), .changes(since: 1))
    else {
      Issue.record("not whole")
      return
    }
    var reader = TransferReader(apex: try Name(Self.apex), id: 4711, .changes(since: 4))
    #expect(try reader.take(IncrementalTransfer.upToDate(soa, id: 4711, question: question)))
    guard case .upToDate = try reader.finish() else {
      Issue.record("not up to date")
      return
    }
  }

  @Test func answersThatAreNone() throws {
    let soa = try #require(try Self.zone(Self.text(serial: 5, [])).soaRecord)
    let other = try #require(try Self.zone(Self.text(serial: 9, [])).soaRecord)
    let foreign = ResourceRecord(try Name("a.other.test."), ttl: 1, RData(A(IPAddress(192, 0, 2, 1))))
    let question = Question(try Name(Self.apex), .axfr)
    let fails = { (answers: [ResourceRecord], id: UInt16, code: ResponseCode, request: TransferReader.Request) in
      var reader = TransferReader(apex: question.name, id: 1, request)
      let message = Message(
        header: Header(id: id, flags: .response, responseCode: code), questions: [question], answers: answers)
      #expect(throws: TransferReader.Failure.self) {
        if try !reader.take(try message.encoded()) { _ = try reader.finish() }
      }
    }
    fails([], 1, .refused, .whole)
    fails([soa], 2, .noError, .whole)
    fails([soa], 1, .noError, .whole)
    fails([soa, foreign], 1, .noError, .whole)
    fails([foreign], 1, .noError, .whole)
    fails([soa, soa, soa], 1, .noError, .whole)
    fails([soa, other, foreign], 1, .noError, .changes(since: 9))
    fails([soa, other], 1, .noError, .changes(since: 3))
    fails([soa, other, soa, other, soa], 1, .noError, .changes(since: 9))
  }

  // MARK: The session

  /// A transfer leaves as the peer takes it; nothing is made ahead.
  @Test func theSessionWaitsForThePeer() throws {
    let zone = try Self.zone(Self.text(serial: 7, (0..<20_000).map { "host\($0) TXT \"some text for \($0)\"" }))
    var session = DNSStreamSession(
      responder: Responder(zones: ZoneSet(ZoneCatalog([zone]))), takesTransactions: true)
    var actions = DNSStreamSession.Actions()
    let now = MonotonicTime(nanoseconds: 1_000_000_000)
    session.opened(now: now, into: &actions)
    let question = Question(try Name(Self.apex), .axfr)
    let request = try Message(header: Header(id: 3), questions: [question]).encoded()
    let input = [0, UInt8(request.count)] + request
    #expect(session.receive(input.span.bytes, now: now, into: &actions) == input.count)
    var asked: [DNSStreamRequest] = []
    for case .request(let request, _) in actions.actions { asked.append(request) }
    #expect(asked == [DNSStreamRequest(.transaction, request)])
    actions.removeAll()
    session.resume(
      .messages(ZoneTransfer(of: zone, id: 3, question: question)), for: Ticket(1), now: now, into: &actions)
    var octets: [UInt8] = []
    var turns = 0
    while !actions.output.isEmpty {
      #expect(actions.output.count < 100_000 && !actions.closes)
      octets += actions.output
      turns += 1
      actions.removeAll()
      session.outputDrained(now: now, into: &actions)
    }
    // A peer that takes nothing more is given up.
    session.resume(
      .messages(ZoneTransfer(of: zone, id: 3, question: question)), for: Ticket(2), now: now, into: &actions)
    #expect(!actions.closes)
    session.timerFired(DNSStreamSession.idleTimer, now: now, into: &actions)
    #expect(actions.closes)
    #expect(turns > 5)
    var reader = WireReader(octets.span.bytes)
    var transfer = TransferReader(apex: question.name, id: 3, .whole)
    var isDone = false
    while !reader.isAtEnd {
      let length = Int(try reader.readUInt16("length"))
      isDone = try transfer.take(try reader.readBytes(length, "message"))
    }
    #expect(isDone)
  }
}
