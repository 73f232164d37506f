import Services

/// The one that writes the audit trail: chains entries, and commits those that come together in one transaction.
public actor AuditTrail {
  /// What a check of the chain found.
  public enum Finding: Sendable, Hashable {
    /// Every record is as it was written; the head, to be kept elsewhere and compared later.
    case sound(AuditHead)
    /// From this record on the chain is broken.
    case broken(at: Int64, String)
  }

  /// Most entries that may wait for the disk.
  static let maximumWaiting = 10_000
  private static let maximumTextLength = 4096

  private let store: any AuditStore
  private var waiting: [(entries: [AuditEntry], done: CheckedContinuation<Result<Void, StoreError>, Never>)] = []
  private var waitingCount = 0
  private var isWriting = false
  private var head: AuditHead?

  public init(store: any AuditStore) { self.store = store }

  /// Adds entries; they are on disk when it returns. `.full` when too many wait already.
  public func append(_ entries: [AuditEntry]) async throws(StoreError) {
    guard !entries.isEmpty else { return }
    guard waitingCount + entries.count <= Self.maximumWaiting else {
      throw StoreError(.full, "too many audit records wait for the disk")
    }
    waitingCount += entries.count
    let result = await withCheckedContinuation { done in
      waiting.append((entries.map(Self.bounded), done))
      if !isWriting {
        isWriting = true
        Task { await writeAll() }
      }
    }
    try result.get()
  }

  /// A page of records.
  public func page(
    _ filter: AuditFilter, from position: AuditPosition, limit: Int
  ) async throws(StoreError) -> [AuditRecord] {
    try await store.page(filter, from: position, limit: limit)
  }

  /// Computes every hash again. `expected` is a head that was noted earlier: the record with that number must still have
  /// that hash, which finds what the chain alone can't, records cut off at the end or a chain written anew.
  public func verify(expecting expected: AuditHead? = nil) async throws(StoreError) -> Finding {
    var head = AuditHead.empty
    if expected == .empty { return try await verify() }
    var isExpectedSeen = expected == nil
    while true {
      let records: [AuditRecord]
      do { records = try await store.page(AuditFilter(), from: .after(head.sequence), limit: 500) } catch {
        guard error.code == .corrupt else { throw error }
        return .broken(at: head.sequence &+ 1, error.diagnosis)
      }
      guard !records.isEmpty else { break }
      for record in records {
        if record.sequence != head.sequence &+ 1 {
          return .broken(at: head.sequence &+ 1, "the record is missing")
        }
        if record.previousHash != head.hash {
          return .broken(at: record.sequence, "the record does not follow the one before it")
        }
        if record.hash != AuditChain.hash(record.entry, sequence: record.sequence, after: head.hash) {
          return .broken(at: record.sequence, "the record was changed")
        }
        head = AuditHead(sequence: record.sequence, hash: record.hash)
        if let expected, expected.sequence == head.sequence {
          if expected.hash != head.hash { return .broken(at: head.sequence, "the hash is not the one noted earlier") }
          isExpectedSeen = true
        }
      }
    }
    guard isExpectedSeen else {
      return .broken(at: head.sequence &+ 1, "the trail ends before the record noted earlier")
    }
    return .sound(head)
  }

  private func writeAll() async {
    while !waiting.isEmpty {
      let batch = waiting
      waiting = []
      let entries = batch.flatMap(\.entries)
      waitingCount -= entries.count
      let result: Result<Void, StoreError>
      do {
        try await write(entries)
        result = .success(())
      } catch { result = .failure(error) }
      for item in batch { item.done.resume(returning: result) }
    }
    isWriting = false
  }

  /// A conflict means that another process has added records: the command line, while this one was starting. Then the
  /// chain goes on from the new head.
  private func write(_ entries: [AuditEntry]) async throws(StoreError) {
    for isLastAttempt in [false, false, true] {
      var end: AuditHead
      if let head { end = head } else { end = try await store.head() }
      var records: [AuditRecord] = []
      records.reserveCapacity(entries.count)
      for entry in entries {
        let record = AuditChain.record(entry, after: end)
        records.append(record)
        end = AuditHead(sequence: record.sequence, hash: record.hash)
      }
      do {
        try await store.append(records)
        head = end
        return
      } catch {
        // What is on disk is not known after an error: the next attempt asks.
        head = nil
        if error.code != .conflict || isLastAttempt { throw error }
      }
    }
  }

  /// No text is longer than 4096 bytes: a peer's name must not fill the disk.
  private static func bounded(_ entry: AuditEntry) -> AuditEntry {
    let cut = { (text: String) in
      text.utf8.count <= maximumTextLength
        ? text : String(decoding: text.utf8.prefix(maximumTextLength), as: UTF8.self) + "…"
    }
    var entry = entry
    entry.actor = cut(entry.actor)
    entry.action = cut(entry.action)
    entry.subject = entry.subject.map(cut)
    entry.before = entry.before.map(cut)
    entry.after = entry.after.map(cut)
    return entry
  }
}
