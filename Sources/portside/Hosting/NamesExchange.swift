import Foundation
import Services
import Synchronization
import Transport

/// What the services of the names worker share: who has which lease, and how far which machine has booted.
final class NamesExchange: Sendable {
  let book: LeaseBook
  let timeline = BootTimeline()
  private let ticking = Mutex<Task<Void, Never>?>(nil)
  private let work = Mutex<[@Sendable () async -> Void]>([])

  init(clock: any Services.Clock, events: any EventSink) { book = LeaseBook(clock: clock, events: events) }

  /// Begins what is done every second; once, however often it is called.
  /// - Parameter folder: Where the timeline of boots is written; `nil` in a worker that has none.
  func begin(in folder: DataFolder?, clock: any Services.Clock) {
    ticking.withLock { task in
      guard task == nil else { return }
      task = Task { [book, timeline] in
        while !Task.isCancelled {
          try? await Task.sleep(for: .seconds(1))
          book.expire()
          if let folder { timeline.save(to: folder.bootFile) }
          for work in self.work.withLock({ $0 }) { await work() }
        }
      }
    }
  }

  /// Has something done every second.
  func everySecond(_ body: @escaping @Sendable () async -> Void) { work.withLock { $0.append(body) } }

  func stop() {
    work.withLock { $0 = [] }
    ticking.withLock { task in
      task?.cancel()
      task = nil
    }
  }
}
