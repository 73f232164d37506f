import FoundationEssentials
import Services

extension WallTime {
  init(_ date: Date) {
    self.init(seconds: Int64(date.timeIntervalSince1970.rounded(.down)))
  }

  var date: Date { Date(timeIntervalSince1970: TimeInterval(seconds)) }

  /// The time `duration` before this one.
  func earlier(by duration: Duration) -> WallTime { self + (.zero - duration) }

  /// `2026-11-23T07:47:30Z`.
  var text: String { CivilTime(self).rfc3339 }
}

extension Duration {
  /// Days of 24 hours.
  static func days(_ count: Int) -> Duration { .seconds(Int64(count) * 86_400) }
}
