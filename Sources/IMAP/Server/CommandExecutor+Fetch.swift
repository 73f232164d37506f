import IMAPCore
import MessageCore
import Services

/// A FETCH that is under way: its answer is made in parts, each after the one before has left.
struct FetchJob {
  var places: [Range<Int>]
  var items: [FetchItem]
  var changedSince: UInt64?
  var byUID: Bool
  var enabled: EnabledExtensions
  /// Whether `\Seen` is set on what is read.
  var setsSeen: Bool
  /// Messages that were marked as seen and whose rows are still to tell it.
  var marked = UIDSet()
  /// What some message lacked, such as an encoding that can be undone.
  var trouble: Completion?
  /// The lowest UID that is answered, where there were more messages than one command may ask for.
  var lowest: UInt32?

  /// Messages of one part.
  static let batch = 256
  /// Octets in memory after which a part is sent.
  static let bytes = 256 * 1024

  /// Takes at most so many places.
  mutating func next(_ limit: Int) -> [Int] {
    var result: [Int] = []
    while result.count < limit, let first = places.first {
      let count = min(limit - result.count, first.count)
      result += Array(first.prefix(count))
      if count == first.count { places.removeFirst() } else { places[0] = first.lowerBound + count..<first.upperBound }
    }
    return result
  }
}

/// FETCH (RFC 9051 §6.4.5).
extension CommandExecutor {
  func fetch(
    _ set: SequenceSet, _ items: [FetchItem], _ modifiers: FetchModifiers, byUID: Bool, _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    let view = try selected()
    guard view.rights.contains(.read) else { throw .notPermitted }
    guard var places = view.places(of: set, byUID: byUID) else { throw .badSet }
    var lowest: UInt32?
    if let page = modifiers.partial {
      if let limit = limits.messagesOfCommand, page.count > limit { throw tooManyMessages() }
      places = Self.page(page, of: places)
    } else {
      (places, lowest) = limited(places, view)
      // From the newest down, so that a client knows what it lacks by the lowest UID (RFC 9738 §3.1).
      if lowest != nil { places = places.flatMap { $0.map { $0..<$0 + 1 } }.reversed() }
    }
    var items = items
    if byUID, !items.contains(.uid) { items.insert(.uid, at: 0) }
    if modifiers.changedSince != nil, !items.contains(.modSequence) { items.append(.modSequence) }
    let mayMark = !view.isReadOnly && view.rights.contains(.seen)
    var output = CommandOutput()
    if modifiers.vanished, let since = modifiers.changedSince {
      guard enabled.contains(.qresync) else { throw IMAPFailure(bad: "Enable QRESYNC first") }
      let vanished = try await vanished(view.newest, since: since, among: set)
      if !vanished.isEmpty { output.write { $0.append(contentsOf: "* VANISHED (EARLIER) \(vanished)\r\n".utf8) } }
    }
    conversation.job = FetchJob(
      places: places, items: items, changedSince: modifiers.changedSince, byUID: byUID, enabled: enabled,
      setsSeen: mayMark && items.contains(where: \.setsSeen), lowest: lowest)
    try await runFetch(&output)
    return output
  }

  private static func page(_ page: PageRange, of places: [Range<Int>]) -> [Range<Int>] {
    let count = places.reduce(0) { $0 + $1.count }
    let wanted = page.places(in: count)
    var result: [Range<Int>] = []
    var start = 0
    for range in places {
      let low = max(wanted.lowerBound, start)
      let high = min(wanted.upperBound, start + range.count)
      if low < high { result.append(range.lowerBound + low - start..<range.lowerBound + high - start) }
      start += range.count
    }
    return result
  }

  func continueFetch() async throws(IMAPFailure) -> CommandOutput {
    var output = CommandOutput()
    try await runFetch(&output)
    return output
  }

  /// Makes the next part. The last one ends with what has happened meanwhile.
  private func runFetch(_ output: inout CommandOutput) async throws(IMAPFailure) {
    guard var job = conversation.job else {
      output.completion = .ok("FETCH completed")
      return
    }
    await refresh()
    let view = try selected()
    let places = job.next(FetchJob.batch)
    var messages = places.map { (place: $0, message: view.message(at: $0)) }
    if let since = job.changedSince { messages.removeAll { $0.message.modSeq <= since } }
    let marked = try await markSeen(messages.map(\.message), job)
    if !marked.isEmpty {
      job.marked = job.marked.union(marked)
      await refresh()
      let fresh = try selected()
      messages = messages.map { ($0.place, fresh.message(at: $0.place)) }
    }
    let digests = try await digests(for: messages.map(\.message), job)
    let current = try selected()
    for (index, entry) in messages.enumerated() {
      let row = FetchRow(
        view: current, store: store, message: entry.message, place: entry.place, job: job,
        digest: digests.isEmpty ? nil : digests[index], isMarked: job.marked.contains(entry.message.uid))
      if let trouble = row.write(to: &output) { job.trouble = trouble }
      if output.count >= FetchJob.bytes, index + 1 < messages.count {
        // The rest of the batch goes into the next part.
        job.places = messages[(index + 1)...].map { $0.place..<$0.place + 1 } + job.places
        break
      }
    }
    guard job.places.isEmpty else {
      conversation.job = job
      return
    }
    conversation.job = nil
    await announce(&output, allowsExpunge: job.byUID, job.enabled)
    let limit = job.lowest.map { messageLimit(reaching: $0) }
    if let trouble = job.trouble, let limit {
      output.write { $0.append(untagged: .no("Not all of them", limit)) }
      output.completion = trouble
    } else {
      output.completion = job.trouble ?? .ok("FETCH completed", limit)
    }
  }

  /// Sets `\Seen` where reading does. Those that were marked need no further telling: their rows tell it.
  private func markSeen(_ messages: [MailMessage], _ job: FetchJob) async throws(IMAPFailure) -> UIDSet {
    guard job.setsSeen else { return UIDSet() }
    let unseen = UIDSet(messages.filter { !$0.flags.contains(.seen) }.map(\.uid))
    guard !unseen.isEmpty, let id = conversation.view?.id else { return UIDSet() }
    let result = try await failing { () async throws(StoreError) in
      try await store.store(FlagChange(.add, [.seen]), to: unseen, of: id)
    }
    noteOwn(result.changed, result.snapshot)
    return result.changed
  }

  /// Changes of this session's own need no second telling.
  func noteOwn(_ changed: UIDSet, _ snapshot: MailboxSnapshot) {
    guard let first = changed.first, let message = snapshot.messages.message(first) else { return }
    conversation.view?.observe(snapshot)
    conversation.view?.ignore(changed, at: message.modSeq)
  }

  private func digests(for messages: [MailMessage], _ job: FetchJob) async throws(IMAPFailure) -> [MessageDigest?] {
    guard job.items.contains(where: \.needsDigest), !messages.isEmpty else { return [] }
    return try await digests(of: messages)
  }

  /// What is kept beside messages; made anew from the bytes where it is not.
  func digests(of messages: [MailMessage]) async throws(IMAPFailure) -> [MessageDigest?] {
    let encoded = try await failing { () async throws(StoreError) in try await store.digests(of: messages) }
    return zip(messages, encoded).map { message, bytes in
      if !bytes.isEmpty, let digest = try? MessageDigest(decoding: bytes) { return digest }
      return MessageReader.digest(of: message, in: store)
    }
  }
}

extension FetchItem {
  /// Whether it is answered from what is kept beside the message.
  var needsDigest: Bool {
    switch self {
    case .envelope, .bodyShape, .bodyStructure, .preview, .binarySize: true
    case .section(let section): !section.isWhole
    default: false
    }
  }
}

extension FetchSection {
  /// Whether it is the message as it is.
  var isWhole: Bool { part.isEmpty && specifier == .content && form != .binary }
}

/// Reads messages from the store.
enum MessageReader {
  static func digest(of message: MailMessage, in store: any MailStore) -> MessageDigest? {
    guard let body = try? store.body(of: message) else { return nil }
    var parser = MIMEParser()
    var offset: Int64 = 0
    while offset < body.size {
      guard let piece = try? body.bytes(offset..<min(body.size, offset + 65_536)), !piece.isEmpty else { return nil }
      parser.receive(piece)
      offset += Int64(piece.count)
    }
    return MessageDigest(parser.finish())
  }

  static func bytes(_ body: any MessageBody, _ range: Range<Int>) -> [UInt8] {
    (try? body.bytes(Int64(range.lowerBound)..<Int64(range.upperBound))) ?? []
  }

  /// A part's content with its transfer encoding undone; `nil` for an encoding that we lack.
  static func decoded(_ part: MIMEPart, _ body: any MessageBody) -> [UInt8]? {
    guard !part.isMultipart, var decoder = TransferDecoder(encoding: part.encoding) else {
      return part.isMultipart ? bytes(body, part.body) : nil
    }
    var output: [UInt8] = []
    var offset = part.body.lowerBound
    while offset < part.body.upperBound {
      let piece = bytes(body, offset..<min(part.body.upperBound, offset + 65_536))
      if piece.isEmpty { break }
      decoder.decode(piece, into: &output)
      offset += piece.count
    }
    decoder.finish(into: &output)
    return output
  }
}
