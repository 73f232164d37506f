import Services
import Synchronization

/// The store as the source of TLS listeners' certificates: everything at first, and again after every change.
///
/// Changes go through `change`; what another process changed is seen by `reload`. Its owner calls `renewDue` from a timer.
public final class CertificateService: CertificateSource {
  private struct State {
    var identities: [TLSIdentity]
    var broken: [BrokenEntry]
    var subscribers: [UInt64: AsyncStream<[TLSIdentity]>.Continuation] = [:]
    var nextSubscriber: UInt64 = 0
    /// What was last said of each certificate that could not be renewed: a timer must not repeat it all year.
    var complaints: [String: RenewalResult.Outcome] = [:]
  }

  public let store: CertificateStore
  private let events: any EventSink
  private let clock: any Clock
  private let state: Mutex<State>
  /// Held while the directory is read and published: what was read first must not be published last.
  private let reloading = Mutex(())

  /// Reads the certificates that there are.
  public init(store: CertificateStore, events: any EventSink, clock: any Clock) throws(CertificateStoreError) {
    self.store = store
    self.events = events
    self.clock = clock
    let (identities, broken) = try store.identities()
    state = Mutex(State(identities: identities, broken: broken))
    for entry in broken { report(entry) }
  }

  deinit {
    state.withLock { state in
      for subscriber in state.subscribers.values { subscriber.finish() }
    }
  }

  /// What there is now, and again after each change. Who is slow gets the latest only.
  public func identities() -> AsyncStream<[TLSIdentity]> {
    let (stream, continuation) = AsyncStream.makeStream(of: [TLSIdentity].self, bufferingPolicy: .bufferingNewest(1))
    let number = state.withLock { state in
      state.nextSubscriber += 1
      state.subscribers[state.nextSubscriber] = continuation
      continuation.yield(state.identities)
      return state.nextSubscriber
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { state in state.subscribers[number] = nil }
    }
    return stream
  }

  /// What listeners present at this moment.
  public var current: [TLSIdentity] { state.withLock { $0.identities } }

  /// The files that can't be used.
  public var broken: [BrokenEntry] { state.withLock { $0.broken } }

  /// Reads the directory again, and tells subscribers when something is different.
  public func reload() throws(CertificateStoreError) {
    let appeared = try reloading.withLock { _ throws(CertificateStoreError) in try publish() }
    for entry in appeared { report(entry) }
  }

  /// Returns the files that can't be used and that nobody was told of.
  private func publish() throws(CertificateStoreError) -> [BrokenEntry] {
    let (identities, broken) = try store.identities()
    return state.withLock { state in
      let appeared = broken.filter { !state.broken.contains($0) }
      state.broken = broken
      guard state.identities != identities else { return appeared }
      state.identities = identities
      for subscriber in state.subscribers.values { subscriber.yield(identities) }
      return appeared
    }
  }

  /// Runs a command on the store, and publishes what came of it.
  public func change<Result: Sendable>(
    _ body: @Sendable (CertificateStore) async throws(CertificateStoreError) -> Result
  ) async throws(CertificateStoreError) -> Result {
    let result = try await body(store)
    try reload()
    return result
  }

  /// Renews what is due, publishes it, and enters each result in the audit trail, a lasting one once. Hours between two
  /// calls are fine.
  @discardableResult
  public func renewDue() throws(CertificateStoreError) -> [RenewalResult] {
    let results = try store.renewDue()
    try reload()
    let changed = state.withLock { state in
      let changed = results.filter { state.complaints[$0.id] != $0.outcome }
      state.complaints = Dictionary(uniqueKeysWithValues: results.map { ($0.id, $0.outcome) })
      return changed
    }
    for result in changed { report(result) }
    return results
  }

  private func report(_ entry: BrokenEntry) {
    events.emit(
      Event(
        time: clock.wallTime(), severity: .error, message: "certificate file can't be used",
        fields: [.init("file", .string(entry.file)), .init("reason", .string(entry.reason))]))
  }

  private func report(_ result: RenewalResult) {
    var fields: [Event.Field] = [
      .init("certificate", .string(result.id)), .init("names", .string(result.names.joined(separator: " "))),
    ]
    switch result.outcome {
    case .renewed(let notAfter):
      fields.append(.init("until", .string(notAfter)))
      emit(.notice, "certificate renewed", fields)
    case .failed(let reason):
      fields.append(.init("reason", .string(reason)))
      emit(.error, "certificate could not be renewed", fields)
    case .attentionNeeded(let reason):
      fields.append(.init("reason", .string(reason)))
      emit(.warning, "certificate must be renewed by hand", fields)
    }
  }

  private func emit(_ severity: Event.Severity, _ message: StaticString, _ fields: [Event.Field]) {
    events.emit(Event(time: clock.wallTime(), severity: severity, kind: .audit, message: message, fields: fields))
  }
}
