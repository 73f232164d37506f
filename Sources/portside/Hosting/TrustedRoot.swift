import Configuration
import DNSCore
import DNSResolver
import DNSSecurity
import Foundation
import Services
import Synchronization

/// The keys of the root that are trusted: those that are built in, and those that followed them (RFC 5011), on the disk.
final class TrustedRoot: Sendable {
  private let file: String
  private let context: ServerContext
  private let tracker: Mutex<AnchorTracker>

  private struct Row: Codable {
    var digest: String
    var state: String
    var since: UInt32
  }

  init(file: String, _ context: ServerContext) {
    self.file = file
    self.context = context
    let content = FileManager.default.contents(atPath: file) ?? Data()
    let rows = (try? JSONDecoder().decode([Row].self, from: content)) ?? []
    let entries = rows.compactMap { row -> AnchorTracker.Entry? in
      guard let digest = try? RData(row.digest, type: .ds).value(as: DS.self),
        let state = AnchorTracker.State(rawValue: row.state)
      else { return nil }
      return AnchorTracker.Entry(digest: digest, state: state, since: row.since)
    }
    tracker = Mutex(AnchorTracker(zone: .root, digests: TrustAnchors.root.keys[.root] ?? [], entries: entries))
  }

  /// Whether this is what is trusted: something is resolved, and nobody has configured other anchors.
  static func isKept(_ section: DNSSection) -> Bool {
    section.validate && section.asksOthers && section.trustAnchors.isEmpty
  }

  var anchors: TrustAnchors { TrustAnchors(keys: [.root: tracker.withLock { $0.trusted }]) }

  /// Looks at the root's keys. Returns whether what is trusted has changed.
  func refresh(_ resolver: Resolver) async -> Bool {
    guard let set = try? await resolver.keySet(of: .root) else { return false }
    let now = UInt32(truncatingIfNeeded: context.clock.wallTime().seconds)
    let (before, after, hasChanged) = tracker.withLock { tracker in
      let before = tracker.trusted
      let hasChanged = tracker.observe(set, now: now)
      return (before, tracker, hasChanged)
    }
    if hasChanged { store(after) }
    guard before != after.trusted else { return false }
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: .notice, message: "the trusted keys of the root have changed",
        service: .dns,
        fields: [.init("keys", .string(after.trusted.map { "\($0.keyTag)" }.joined(separator: ", ")))]))
    return true
  }

  private func store(_ tracker: AnchorTracker) {
    let rows = tracker.entries.map {
      Row(digest: RData($0.digest).description, state: $0.state.rawValue, since: $0.since)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .prettyPrinted
    guard let content = try? encoder.encode(rows) else { return }
    do {
      try content.write(to: URL(fileURLWithPath: file), options: .atomic)
    } catch {
      context.events.emit(
        Event(
          time: context.clock.wallTime(), severity: .error, message: "the trusted keys of the root can't be stored",
          service: .dns, fields: [.init("reason", .string(error.localizedDescription))]))
    }
  }
}
