import DNSClient
import DNSCore
import DNSServer
import Services
import Synchronization
import WireKit

/// One zone of another server: kept on disk, refreshed when its SOA says so or the primary notifies, given up when it has
/// expired (RFC 1034 §4.3.5, RFC 1996).
final class SecondaryZone: Sendable {
  let configuration: ReplicationConfiguration.Incoming
  private let server: DNSServer
  private let context: ServerContext
  private let client: ZoneTransferClient
  private let key: TSIGKey?
  private let copy: ZoneCopy
  private let alarm = Alarm()
  private let state = Mutex(State())

  struct State {
    var zone: Zone?
    /// When a primary last said that it is the newest; seconds since 1970.
    var confirmed: Int64 = 0
    var failure: String?
    var next: Int64 = 0
  }

  init(
    _ configuration: ReplicationConfiguration.Incoming, key: TSIGKey?, folder: String, server: DNSServer,
    context: ServerContext, client: ZoneTransferClient
  ) {
    self.configuration = configuration
    self.key = key
    self.server = server
    self.context = context
    self.client = client
    copy = ZoneCopy(folder: folder, apex: configuration.zone)
  }

  var status: State { state.withLock { $0 } }

  /// A primary says that there is something new.
  func wake() { alarm.ring() }

  /// Reads the copy on disk, so that there is something to answer from at once.
  func load() {
    if let zone = copy.load(), let confirmed = copy.confirmed {
      state.withLock { state in
        state.zone = zone
        state.confirmed = confirmed
      }
    }
    serve()
  }

  /// Serves the zone, unless it has expired.
  private func serve() {
    let (zone, confirmed) = state.withLock { ($0.zone, $0.confirmed) }
    guard let zone else { return server.setReceived(nil, of: configuration.zone) }
    let isExpired = now - confirmed > Int64(zone.soa.expire)
    if isExpired, server.servedZone(configuration.zone) != nil {
      emit(.error, "zone has expired: no primary confirmed it in time", [])
    }
    guard isExpired || server.servedZone(configuration.zone) !== zone else { return }
    server.setReceived(isExpired ? nil : zone, of: configuration.zone)
  }

  private var now: Int64 { context.clock.wallTime().seconds }

  /// Refreshes the zone until its task is cancelled.
  func run() async {
    var retries = 0
    while !Task.isCancelled {
      let isFresh = await refresh()
      retries = isFresh ? 0 : retries + 1
      let wait = state.withLock { state in
        let seconds = Self.seconds(state.zone?.soa, isFresh: isFresh, retries: retries)
        state.next = now + seconds
        return seconds
      }
      // In steps, so that an expiry is noticed in time.
      let end = now + wait
      while !Task.isCancelled, now < end {
        let before = now
        await alarm.wait(for: .seconds(min(60, max(1, end - before))))
        serve()
        // Woken by a NOTIFY, not by the time.
        if now - before < min(60, end - before) { break }
      }
    }
  }

  /// How long until the next look: the SOA's refresh or retry within reasonable bounds, or some seconds, then minutes, while there
  /// is no zone at all.
  private static func seconds(_ soa: SOA?, isFresh: Bool, retries: Int) -> Int64 {
    guard let soa else { return min(300, Int64(1) << Int64(min(retries, 8))) }
    let wanted = Int64(isFresh ? soa.refresh : soa.retry)
    return max(1, min(wanted, 86_400 * 14))
  }

  /// Whether some primary was heard.
  private func refresh() async -> Bool {
    for primary in configuration.primaries {
      do {
        try await refresh(from: primary)
        state.withLock { $0.failure = nil }
        return true
      } catch {
        let text = Self.words(error)
        let isNews = state.withLock { state in
          defer { state.failure = text }
          return state.failure != text
        }
        if isNews {
          emit(
            .warning, "zone transfer failed",
            [.init("primary", .endpoint(primary)), .init("error", .string(text))])
        }
      }
      if Task.isCancelled { break }
    }
    return false
  }

  private static func words(_ error: any Error) -> String {
    switch error {
    case ZoneTransferClient.Failure.answer(.refused(let code)): "the primary answers \(code)"
    case ZoneTransferClient.Failure.signature(let failure): "signature: \(failure)"
    case ZoneTransferClient.Failure.unreachable(let reason): "unreachable: \(reason)"
    case ZoneTransferClient.Failure.answer(let failure): "answer: \(failure)"
    default: "\(error)"
    }
  }

  private func refresh(from primary: Endpoint) async throws {
    let held = state.withLock(\.zone)
    var outcome: TransferReader.Outcome
    if let held {
      do {
        outcome = try await ask(.changes(since: held.soa.serial), primary)
      } catch ZoneTransferClient.Failure.answer {
        // Servers without IXFR say so in many ways (RFC 1995 §4).
        outcome = try await ask(.whole, primary)
      }
    } else {
      outcome = try await ask(.whole, primary)
    }
    switch outcome {
    case .upToDate: confirm()
    case .whole(let zone): try take(zone, "whole", primary)
    case .changes(let steps):
      var zone = held
      for step in steps { zone = zone?.applying(step) }
      if zone == nil {
        // Not the steps of what we have.
        guard case .whole(let whole) = try await ask(.whole, primary) else { return }
        return try take(whole, "whole", primary)
      }
      try take(zone, "\(steps.count) steps", primary)
    }
  }

  private func ask(_ request: TransferReader.Request, _ primary: Endpoint) async throws -> TransferReader.Outcome {
    try await client.transfer(
      configuration.zone, request, from: primary, key: key, isSecure: configuration.isSecure)
  }

  private func confirm() {
    copy.confirm()
    state.withLock { $0.confirmed = now }
    serve()
  }

  private func take(_ zone: Zone?, _ kind: String, _ primary: Endpoint) throws {
    guard let zone else { throw ZoneTransferClient.Failure.answer(.disorder) }
    if let held = state.withLock(\.zone), !TransferReader.isNewer(zone.soa.serial, than: held.soa.serial) {
      return confirm()
    }
    do throws(StorageError) { try copy.save(zone) } catch {
      // It is served all the same: a restart fetches it again.
      emit(.error, "zone can't be kept on disk", [.init("error", .string("\(error)"))])
    }
    state.withLock { state in
      state.zone = zone
      state.confirmed = now
    }
    server.setReceived(zone, of: configuration.zone)
    emit(
      .info, "zone transferred from its primary",
      [
        .init("primary", .endpoint(primary)), .init("serial", .integer(Int64(zone.soa.serial))),
        .init("records", .integer(Int64(zone.recordCount))), .init("kind", .string(kind)),
      ])
  }

  private func emit(_ severity: Event.Severity, _ message: StaticString, _ fields: [Event.Field]) {
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: severity, message: message, service: .dns,
        fields: [.init("zone", .string(configuration.zone.description))] + fields))
  }
}

/// A received zone on disk, as a zone file; its time of change says when a primary last confirmed it.
struct ZoneCopy: Sendable {
  private let path: String
  private let apex: Name

  init(folder: String, apex: Name) {
    self.apex = apex
    path = "\(folder)/\(StoredFiles.name(apex.lowercased.description)).zone"
  }

  var confirmed: Int64? { StoredFiles.time(of: path) }

  func load() -> Zone? {
    guard confirmed != nil else { return nil }
    return ZoneSource(apex: apex, .file(path)).load().zone
  }

  func save(_ zone: Zone) throws(StorageError) {
    try StoredFiles.replace(path) { (append: ([UInt8]) throws(StorageError) -> Void) throws(StorageError) in
      var writer = ZoneText(zone)
      while let part = writer.next() { try append(part) }
    }
  }

  func confirm() { StoredFiles.touch(path) }
}
