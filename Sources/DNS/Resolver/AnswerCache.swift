import DNSCore
import DNSSecurity
import Synchronization
import WireKit

/// What is known of a question, with the time until when it is believed.
struct CachedAnswer: Sendable {
  var code: ResponseCode
  var answers: [ResourceRecord]
  /// SOA of a negative answer.
  var authorities: [ResourceRecord]
  /// When it was learnt: TTLs count from there.
  var stored: MonotonicTime
  var expires: MonotonicTime
  /// The lifetime that it began with, in seconds.
  var ttl: UInt32
  /// What validation found; `indeterminate` where nobody validates.
  var security = Security.indeterminate
  /// Until when nothing need be done about it, where it has parts; then something is fetched ahead of time.
  var restsUntil: MonotonicTime?
  /// The policy that this answer is of; `nil` for what others said.
  var policy: String?

  /// Until when this part need not be looked at: then it may be fetched ahead of time.
  var rest: MonotonicTime { stored + .milliseconds(Int64(ttl) * 900) }

  /// The records with what is left of their TTLs.
  func aged(at now: MonotonicTime) -> CachedAnswer {
    let age = UInt32(clamping: max(0, (now - stored).components.seconds))
    var copy = self
    for index in copy.answers.indices { copy.answers[index].ttl -= min(copy.answers[index].ttl, age) }
    for index in copy.authorities.indices { copy.authorities[index].ttl -= min(copy.authorities[index].ttl, age) }
    return copy
  }

  /// A guess at its size in memory.
  var size: Int {
    (answers + authorities).reduce(200) { $0 + 120 + $1.name.wire.count + $1.data.wire.count }
  }
}

/// Answers that other servers gave, by question. Bounded: what ends first of a few taken by chance gives way.
final class AnswerCache: Sendable {
  struct Key: Hashable, Sendable {
    var name: Name
    var type: RecordType
    var recordClass: RecordClass
    /// With DNSSEC records.
    var wantsDNSSEC: Bool
  }

  private struct State {
    var answers: [Key: CachedAnswer] = [:]
    var size = 0
  }

  private let state = Mutex(State())
  private let maximumSize: Int

  init(maximumSize: Int) { self.maximumSize = max(maximumSize, 100_000) }

  var count: Int { state.withLock { $0.answers.count } }

  subscript(key: Key) -> CachedAnswer? { state.withLock { $0.answers[key] } }

  func store(_ answer: CachedAnswer, for key: Key) {
    state.withLock { state in
      if let old = state.answers.updateValue(answer, forKey: key) { state.size -= old.size }
      state.size += answer.size
      while state.size > maximumSize, !state.answers.isEmpty { Self.evict(&state) }
    }
  }

  func removeAll() { state.withLock { $0 = State() } }

  /// Forgets everything at or below a name.
  func remove(below name: Name) {
    state.withLock { state in
      for (key, answer) in state.answers where key.name.isWithin(name) {
        state.answers[key] = nil
        state.size -= answer.size
      }
    }
  }

  private static func evict(_ state: inout State) {
    var victim: (key: Key, expires: MonotonicTime)?
    for _ in 0..<8 {
      guard let entry = state.answers.randomElement() else { return }
      if victim.map({ entry.value.expires < $0.expires }) ?? true { victim = (entry.key, entry.value.expires) }
    }
    if let victim, let answer = state.answers.removeValue(forKey: victim.key) { state.size -= answer.size }
  }
}
