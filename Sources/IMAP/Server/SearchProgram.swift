import IMAPCore
import Services

/// A search key with everything resolved that does not depend on the message.
indirect enum SearchProgram {
  case always(Bool)
  case flags(MessageFlags, Bool)
  case keyword(Int, Bool)
  case recent(Bool)
  /// What the message's own row tells.
  case row(SearchKey)
  /// What only a look into the message tells.
  case text(SearchKey)
  /// The same, with what the index knows. A field that the index keeps only with all others is not exact.
  case indexed(SearchKey, MailTextMatches, isExact: Bool)
  case loose(LooseText, candidates: Set<Int64>?, through: Int64)
  case not(SearchProgram)
  case or(SearchProgram, SearchProgram)
  case and([SearchProgram])

  /// Whether a look into the message may be needed.
  var isCostly: Bool {
    switch self {
    case .text, .indexed, .loose: true
    case .not(let inner): inner.isCostly
    case .or(let left, let right): left.isCostly || right.isCostly
    case .and(let parts): parts.contains(where: \.isCostly)
    default: false
    }
  }
}

/// Judges one message after the other.
struct SearchJudge {
  /// What is known of a condition so far.
  enum Judgement { case yes, no, unknown }

  let view: MailboxView
  let now: WallTime

  /// - Parameter detail: For a look into the message; without it, what would need one is unknown.
  func judge(_ program: SearchProgram, _ message: MailMessage, _ detail: MessageDetail?) -> Judgement {
    switch program {
    case .always(let value): return value ? .yes : .no
    case .flags(let flags, let isSet): return message.flags.contains(flags) == isSet ? .yes : .no
    case .keyword(let index, let isSet): return message.keywords.contains(index: index) == isSet ? .yes : .no
    case .recent(let isSet): return view.recent.contains(message.uid) == isSet ? .yes : .no
    case .row(let key): return judgeRow(key, message) ? .yes : .no
    case .text(let key): return judgeText(key, detail)
    case .indexed(let key, let matches, let isExact):
      switch matches.holds(message.emailID) {
      case false: return .no
      case true: return isExact ? .yes : judgeText(key, detail)
      case nil: return judgeText(key, detail)
      }
    case .loose(let text, let candidates, let through):
      if let candidates, message.emailID <= through, !candidates.contains(message.emailID) { return .no }
      guard let detail else { return .unknown }
      return detail.score(text) == nil ? .no : .yes
    case .not(let inner):
      switch judge(inner, message, detail) {
      case .yes: return .no
      case .no: return .yes
      case .unknown: return .unknown
      }
    case .or(let left, let right):
      let first = judge(left, message, detail)
      if first == .yes { return .yes }
      let second = judge(right, message, detail)
      return second == .yes ? .yes : first == .unknown || second == .unknown ? .unknown : .no
    case .and(let parts):
      var isDoubtful = false
      for part in parts {
        switch judge(part, message, detail) {
        case .yes: break
        case .no: return .no
        case .unknown: isDoubtful = true
        }
      }
      return isDoubtful ? .unknown : .yes
    }
  }

  private func judgeRow(_ key: SearchKey, _ message: MailMessage) -> Bool {
    switch key {
    case .messages(let set): set.contains(message.uid)
    case .day(.stored, let relation, let day): Self.compare(message.internalSeconds, relation, day)
    case .day(.saved, let relation, let day): Self.compare(message.saveSeconds, relation, day)
    case .larger(let size): UInt64(clamping: message.size) > size
    case .smaller(let size): UInt64(clamping: message.size) < size
    case .younger(let seconds): message.internalSeconds >= now.seconds - Int64(seconds)
    case .older(let seconds): message.internalSeconds <= now.seconds - Int64(seconds)
    case .modSequence(let sequence): message.modSeq >= sequence
    case .emailID(let id): id == "E\(message.emailID)"
    case .threadID(let id): id == "T\(message.threadID)"
    default: false
    }
  }

  private static func compare(_ seconds: Int64, _ relation: SearchKey.DayRelation, _ day: CalendarDay) -> Bool {
    let number = Int(seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400)
    switch relation {
    case .before: return number < day.number
    case .on: return number == day.number
    case .since: return number >= day.number
    }
  }

  private func judgeText(_ key: SearchKey, _ detail: MessageDetail?) -> Judgement {
    guard let detail else { return .unknown }
    switch key {
    case .header(let name, let value): return detail.headerContains(name, value) ? .yes : .no
    case .body(let value): return detail.bodyContains(value) ? .yes : .no
    case .text(let value): return detail.textContains(value) ? .yes : .no
    case .day(_, let relation, let day):
      // By the day where it was written, as RFC 9051 §6.4.4 says.
      guard let sent = detail.digest?.sent else { return .no }
      return Self.compare(sent.seconds + Int64(sent.zoneMinutes) * 60, relation, day) ? .yes : .no
    default: return .no
    }
  }
}
