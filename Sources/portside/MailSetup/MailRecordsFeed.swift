import Configuration
import DNSCore
import MailSetup
import Supervision
import Synchronization

/// The names worker's side: puts the records of our mail domains into our zones, and follows them as keys come and go.
final class MailRecordsFeed: Sendable {
  private struct State {
    var domains: Set<String> = []
    var kinds: Set<MailRecord.Kind> = []
    var file: MailPublicationFile?
    var seen: MailPublication?
  }

  private let state = Mutex(State())

  /// What the names worker must know of the mail.
  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    guard whole.smtp.isActive, !whole.dns.publish.isEmpty else { return }
    part.smtp.domains = whole.smtp.domains
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    guard configuration.smtp.isActive, !configuration.dns.publish.isEmpty else { return }
    confinement.readPaths.append(folder.publication)
    // Serials are remembered there.
    if !confinement.writePaths.contains(folder.leases) { confinement.writePaths.append(folder.leases) }
  }

  var isWanted: Bool { state.withLock { !$0.domains.isEmpty } }

  func apply(_ configuration: PortsideConfiguration, in folder: DataFolder) {
    state.withLock { state in
      let domains = Set(configuration.smtp.domains.map { $0.description.lowercased() })
      let kinds = Set(configuration.dns.publish.compactMap { MailRecord.Kind(rawValue: $0.rawValue) })
      if state.domains != domains || state.kinds != kinds { state.seen = nil }
      (state.domains, state.kinds) = (domains, kinds)
      if state.file?.path != folder.mailPublication { state.file = MailPublicationFile(folder.mailPublication) }
    }
  }

  /// Takes over what has changed since it last looked.
  func look(into book: LeaseBook) {
    let records = state.withLock { state -> [String: [ResourceRecord]]? in
      guard let file = state.file else { return nil }
      if state.domains.isEmpty {
        guard state.seen != nil else { return nil }
        state.seen = nil
        return [:]
      }
      guard let publication = file.current, publication != state.seen else { return nil }
      state.seen = publication
      return Dictionary(
        publication.domains.filter { state.domains.contains($0.name) }.map { domain in
          (
            "mail \(domain.name)",
            publication.records(of: domain).filter { state.kinds.contains($0.kind) }.compactMap(\.record)
          )
        }, uniquingKeysWith: { first, _ in first })
    }
    if let records { book.publish(records, owner: "mail") }
  }
}
