import Configuration
import Foundation
import Services
import Synchronization
import Transport

/// What the services of the names worker share: who has which lease, and how far which machine has booted.
final class NamesExchange: Sendable {
  let book: LeaseBook
  let timeline = BootTimeline()
  /// The records of our mail domains.
  let mail = MailRecordsFeed()
  private let ticking = Mutex<Task<Void, Never>?>(nil)
  private let work = Mutex<[@Sendable () async -> Void]>([])

  init(clock: any Services.Clock, events: any EventSink) { book = LeaseBook(clock: clock, events: events) }

  /// Begins what is done every second; once, however often it is called.
  func begin(in folder: DataFolder, clock: any Services.Clock) {
    ticking.withLock { task in
      guard task == nil else { return }
      task = Task { [book, timeline, mail] in
        while !Task.isCancelled {
          try? await Task.sleep(for: .seconds(1))
          book.expire()
          timeline.save(to: folder.bootFile)
          mail.look(into: book)
          for work in self.work.withLock({ $0 }) { await work() }
        }
      }
    }
  }

  /// Has the records of our mail domains stand in our zones from now on.
  func publishMail(_ configuration: PortsideConfiguration, in folder: DataFolder, clock: any Services.Clock) {
    mail.apply(configuration, in: folder)
    guard mail.isWanted else { return }
    book.remember(serialsIn: folder.serialFile)
    begin(in: folder, clock: clock)
    mail.look(into: book)
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
