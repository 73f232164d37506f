import Foundation
import Services
import Synchronization
import WireKit

/// What booting machines have fetched by HTTP, for `portside boot`. The web worker keeps it in a file of its own, as it knows nothing of
/// leases; the command joins both by the machines' addresses.
final class BootFetches: EventSink {
  struct Fetch: Codable {
    /// RFC 3339.
    var time: String
    var address: String
    var step: String
  }

  private struct State {
    var fetches: [Fetch] = []
    var isDirty = false
  }

  private static let limit = 1_000
  private let state = Mutex(State())

  func isWatched(_ service: ServiceName) -> Bool { false }

  func emit(_ event: Event) {
    guard event.message == "boot file requested", let peer = event.peer?.address.unmapped else { return }
    var words: [String: String] = [:]
    for field in event.fields {
      switch field.value {
      case .string(let text): words[field.name] = text
      case .integer(let number): words[field.name] = String(number)
      default: break
      }
    }
    let step = "by HTTP: \(words["request"] ?? "") → \(words["status"] ?? "") (\(words["agent"] ?? ""))"
    state.withLock { state in
      state.fetches.append(Fetch(time: event.time.rfc3339, address: peer.description, step: step))
      if state.fetches.count > Self.limit { state.fetches.removeFirst(state.fetches.count - Self.limit) }
      state.isDirty = true
    }
  }

  /// Writes the file, if there is news.
  func save(to path: String) {
    let fetches = state.withLock { state -> [Fetch]? in
      guard state.isDirty else { return nil }
      state.isDirty = false
      return state.fetches
    }
    guard let fetches, let content = try? JSONEncoder().encode(fetches) else { return }
    try? content.write(to: URL(fileURLWithPath: path), options: .atomic)
  }

  static func read(_ path: String) -> [Fetch] {
    guard let content = FileManager.default.contents(atPath: path) else { return [] }
    return (try? JSONDecoder().decode([Fetch].self, from: content)) ?? []
  }
}
