import Configuration
import MailEngine
import MailStores
import Services
import Supervision
import Transport

/// The mail store of the mail worker: one for all protocols of the process, opened by whoever needs it first.
actor MailHosting {
  private var opened: MailEngine?
  private let meters: Meters

  init(_ meters: Meters) { self.meters = meters }

  /// The store; the same each time.
  func store(_ settings: WorkerSettings) throws -> any MailStore {
    if let opened { return opened }
    let folder = DataFolder(settings.configuration)
    let backing = try SQLiteMailBacking(folder: folder.mail, meter: meters.store("mail"))
    let engine = try MailEngine(backing: backing, clock: SystemClock())
    opened = engine
    return engine
  }

  /// Closes it, when the worker ends.
  func close() {
    opened?.close()
    opened = nil
  }

  /// What the worker may touch for it.
  static func confine(_ confinement: inout Confinement, in folder: DataFolder) {
    if !confinement.writePaths.contains(folder.mail) { confinement.writePaths.append(folder.mail) }
  }
}
