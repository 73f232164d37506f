import DNSClient
import DNSCore
import Services
import Synchronization
import WireKit

/// NOTIFY on its way: one for each zone and secondary, always of the newest version.
final class NotifyQueue: Sendable {
  private struct Key: Hashable {
    var zone: Name
    var secondary: Endpoint
  }

  private struct Entry {
    var soa: ResourceRecord
    var isNew: Bool
    var task: Task<Void, Never>?
  }

  /// Changes that follow one another closely are told at once.
  private static let pause = Duration.milliseconds(100)

  private let client: NotifyClient
  private let context: ServerContext
  private let entries = Mutex<[Key: Entry]>([:])

  init(_ client: NotifyClient, context: ServerContext) {
    self.client = client
    self.context = context
  }

  func tell(_ secondary: Endpoint, of soa: ResourceRecord, key: TSIGKey?) {
    let place = Key(zone: soa.name, secondary: secondary)
    entries.withLock { entries in
      if entries[place] != nil {
        entries[place]?.soa = soa
        entries[place]?.isNew = true
        return
      }
      let task = Task { await run(place, key) }
      entries[place] = Entry(soa: soa, isNew: true, task: task)
    }
  }

  func stop() {
    let all = entries.withLock { entries in
      defer { entries = [:] }
      return entries
    }
    for entry in all.values { entry.task?.cancel() }
  }

  private func run(_ place: Key, _ key: TSIGKey?) async {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.pause)
      let soa = entries.withLock { entries -> ResourceRecord? in
        guard entries[place]?.isNew == true else {
          entries[place] = nil
          return nil
        }
        entries[place]?.isNew = false
        return entries[place]?.soa
      }
      guard let soa else { return }
      do {
        let code = try await client.notify(soa, place.secondary, key: key)
        guard code != .noError else { continue }
        emit(place, "a secondary does not take NOTIFY", "\(code)")
      } catch {
        if !(error is CancellationError) { emit(place, "a secondary does not answer NOTIFY", "\(error)") }
      }
    }
  }

  private func emit(_ place: Key, _ message: StaticString, _ error: String) {
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: .notice, message: message, service: .dns, peer: place.secondary,
        fields: [.init("zone", .string(place.zone.description)), .init("error", .string(error))]))
  }
}
