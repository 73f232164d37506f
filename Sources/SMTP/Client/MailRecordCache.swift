import DNSCore
import Synchronization

/// What DNS said, for as long as its records hold: a burst of mail asks the same over and over.
///
/// Failures are not kept, and what there is not only for a minute: somebody may just be mending it.
final class MailRecordCache: Sendable {
  struct Key: Hashable {
    var name: Name
    var type: RecordType
  }

  private struct Entry {
    /// `nil`: the name does not exist.
    var records: [ResourceRecord]?
    var until: ContinuousClock.Instant
  }

  private static let capacity = 10_000
  private static let longest = Duration.seconds(3600)
  private static let negative = Duration.seconds(60)

  private let entries = Mutex<[Key: Entry]>([:])

  /// `nil` when nothing is known; within, `nil` when there is no such name.
  func answer(to key: Key) -> [ResourceRecord]?? {
    entries.withLock { entries in
      guard let entry = entries[key] else { return nil }
      guard entry.until > .now else {
        entries[key] = nil
        return nil
      }
      return .some(entry.records)
    }
  }

  func keep(_ records: [ResourceRecord]?, for key: Key) {
    let time: Duration
    if let ttl = records?.map(\.ttl).min() {
      time = min(.seconds(Int64(ttl)), Self.longest)
    } else {
      time = Self.negative
    }
    guard time > .zero else { return }
    entries.withLock { entries in
      if entries.count >= Self.capacity {
        let now = ContinuousClock.now
        entries = entries.filter { $0.value.until > now }
        if entries.count >= Self.capacity { entries.removeAll(keepingCapacity: true) }
      }
      entries[key] = Entry(records: records, until: .now + time)
    }
  }
}
