import ACMEClient
import ACMECore
import Certificates
import Configuration
import Foundation
import Gate
import HTTPClient
import NIOPosix
import Services
import Supervision

/// Has certificates issued by ACME authorities for the names of this server, and renews them.
///
/// A need is tried with the first authority, and after each failure with the next one, with growing pauses; it asks for
/// no name that the configuration does not have. What is issued goes into the store, and from there to every worker.
actor CertificateOrders {
  /// What is known of one need's attempts.
  private struct Attempts {
    var failures = 0
    var notBefore: Date?
    var complaint: String?
  }

  private static let shortestPause: Double = 60
  private static let longestPause: Double = 6 * 3600
  static let publicDirectory = "https://acme-v02.api.letsencrypt.org/directory"

  private let section: TLSSection
  private let needs: [WorkerSettings.CertificateNeed]
  private let service: CertificateService
  private let solver: WorkerSolver
  private let events: any EventSink
  private let clock: any Services.Clock
  private let binding: ACMEClient.ExternalBinding?
  private let roots: [UInt8]?
  private var clients: [String: ACMEClient] = [:]
  private var attempts: [WorkerSettings.CertificateNeed: Attempts] = [:]
  /// When a certificate is to be renewed by its authority's word, by identifier, and until when that is believed.
  private var windows: [String: (due: Int64, until: Int64)] = [:]

  /// `nil` when the configuration wants no ACME authority.
  init?(
    _ settings: WorkerSettings, _ service: CertificateService, _ gate: GateServer, events: any EventSink,
    clock: any Services.Clock
  ) throws {
    section = settings.configuration.tls
    guard section.issuer == .acme else { return nil }
    needs = settings.certificateNames.compactMap { need in
      let names = need.names.filter { Self.isPublic($0) }
      return names.isEmpty ? nil : .init(names: names, services: need.services)
    }
    self.service = service
    self.events = events
    self.clock = clock
    solver = WorkerSolver(section.solver, gate, clock: clock)
    roots = try section.roots.map { try Array(Data(contentsOf: URL(fileURLWithPath: $0.description))) }
    binding = try section.bindingID.flatMap { id in
      try settings.acmeBinding.map { secret in
        let text = secret.withBytes { String(decoding: $0, as: UTF8.self) }
        guard let key = Base64URL.decode(text.trimmingCharacters(in: .whitespacesAndNewlines.union(["="]))) else {
          throw CommandFailure("tls.binding_key is not in base64url")
        }
        return ACMEClient.ExternalBinding(keyID: id.description, secret: key)
      }
    }
  }

  /// Where the gate must be able to connect.
  static func confine(_ confinement: inout Confinement, for configuration: PortsideConfiguration) {
    let section = configuration.tls
    if let port = section.acmeServer?.validationPort { confinement.connectPorts? += [UInt16(clamping: port)] }
    guard section.issuer == .acme else { return }
    let ports = ([section.directory].compactMap { $0 } + section.fallback).map(\.port)
    confinement.connectPorts? += Set(ports + (section.directory == nil ? [443] : [])).sorted()
    if let roots = section.roots?.description {
      confinement.readPaths.append(String(roots[..<(roots.lastIndex(of: "/") ?? roots.endIndex)]))
    }
  }

  /// No authority issues for addresses and names without a domain here.
  private static func isPublic(_ name: String) -> Bool {
    guard let name = CertificateName(name) else { return false }
    if case .address = name.kind { return false }
    return name.description.contains(".") && !name.description.hasSuffix(".localhost")
  }

  /// Until the task is cancelled.
  func run() async {
    while !Task.isCancelled {
      for need in needs where !Task.isCancelled { await look(after: need) }
      let next = attempts.values.compactMap(\.notBefore).min().map { $0.timeIntervalSinceNow } ?? 3600
      try? await Task.sleep(for: .seconds(min(max(next, 1), 3600)))
    }
  }

  // MARK: One need

  private func look(after need: WorkerSettings.CertificateNeed) async {
    if let pause = attempts[need]?.notBefore, pause > Date() { return }
    do {
      let present = try service.store.acmeEntries().filter { entry in
        entry.services == need.services && need.names.allSatisfy(entry.names.contains)
      }.max { $0.notBefore < $1.notBefore }
      if let present, await !isDue(present) {
        attempts[need] = nil
        return
      }
      try await order(need, replacing: present)
      attempts[need] = nil
    } catch {
      failed(need, error)
    }
  }

  private var directories: [String] {
    [section.directory?.description ?? Self.publicDirectory] + section.fallback.map(\.description)
  }

  private func order(_ need: WorkerSettings.CertificateNeed, replacing present: ACMEEntry?) async throws {
    let directory = directories[(attempts[need]?.failures ?? 0) % directories.count]
    let client = try client(of: directory)
    let store = service.store
    let waiting = try store.request(names: need.names, services: need.services)
    do {
      guard let request = CertificateRequestReader.der(pem: waiting.pem) else {
        throw CommandFailure("the request can't be read again")
      }
      let chain = try await client.obtain(
        need.names, request: request, solver: solver, replacing: present?.renewalIdentifier)
      try await keepAccount(of: client, at: directory)
      let (roots, replaced) = (roots, present?.id)
      let result = try await service.change { store throws(CertificateStoreError) in
        try await store.importCertificate(
          CertificateImportRequest(
            chain: chain, roots: roots, names: need.names, services: need.services, replacing: replaced, origin: .acme))
      }
      tell(
        .notice, "certificate issued by ACME",
        [
          .init("names", .string(need.names.joined(separator: " "))), .init("authority", .string(directory)),
          .init("until", .string(result.certificate.notAfter)),
        ])
    } catch {
      // Its key was for this order alone.
      try? store.remove(waiting.id)
      throw error
    }
  }

  private func client(of directory: String) throws -> ACMEClient {
    if let client = clients[directory] { return client }
    guard let url = HTTPURL(directory) else { throw CommandFailure("\(directory) is no URL") }
    let kept = try service.store.acmeAccount(at: directory)
    let key = kept.flatMap { kept in kept.key.withBytes { AccountKey($0) } } ?? AccountKey()
    if kept == nil { try service.store.saveACMEAccount(at: directory, key: Secret(key.octets), account: nil) }
    let trusted = try roots.map { try TrustRoots(pem: $0) }?.certificates ?? []
    let client = ACMEClient(
      .init(
        directory: url, contacts: section.email.map { ["mailto:\($0)"] } ?? [], externalBinding: binding,
        trustRoots: trusted),
      key: key, account: kept?.account, group: MultiThreadedEventLoopGroup.singleton)
    clients[directory] = client
    return client
  }

  private func keepAccount(of client: ACMEClient, at directory: String) async throws {
    guard let kept = try service.store.acmeAccount(at: directory), let account = await client.account,
      kept.account != account
    else { return }
    try service.store.saveACMEAccount(at: directory, key: kept.key, account: account)
  }

  // MARK: Renewal

  /// By the authority's own word where it gives one (RFC 9773), else after two thirds of the life, or `renew_before` its
  /// end, whichever comes first.
  private func isDue(_ entry: ACMEEntry) async -> Bool {
    let now = clock.wallTime().seconds
    let life = entry.notAfter.seconds - entry.notBefore.seconds
    let before = min(max(life / 3, section.renewBefore.components.seconds), life / 2)
    let usual = now >= entry.notAfter.seconds - before
    guard let identifier = entry.renewalIdentifier else { return usual }
    if let known = windows[identifier], known.until > now { return usual || now >= known.due }
    let directory = directories[0]
    guard let client = try? client(of: directory), let told = try? await client.renewalWindow(of: identifier) else {
      windows[identifier] = (.max, now + 3600)
      return usual
    }
    // Somewhere within the window, so that not all of the authority's clients come at once.
    let due = Int64.random(in: told.window)
    windows[identifier] = (due, now + min(max(told.retryAfter ?? 21_600, 60), 86_400))
    return usual || now >= due
  }

  private func failed(_ need: WorkerSettings.CertificateNeed, _ error: any Error) {
    var state = attempts[need] ?? Attempts()
    state.failures += 1
    // Every authority once, then longer and longer.
    let round = max(0, (state.failures - 1) / directories.count)
    let pause =
      state.failures % directories.count == 0
      ? min(Self.shortestPause * pow(2, Double(min(round, 12))), Self.longestPause) : 1
    state.notBefore = Date().addingTimeInterval(pause * Double.random(in: 0.9...1.1))
    let reason = "\(error)"
    if state.complaint != reason {
      tell(
        .error, "certificate could not be had by ACME",
        [.init("names", .string(need.names.joined(separator: " "))), .init("reason", .string(reason))])
    }
    state.complaint = reason
    attempts[need] = state
  }

  private func tell(_ severity: Event.Severity, _ message: StaticString, _ fields: [Event.Field]) {
    events.emit(Event(time: clock.wallTime(), severity: severity, kind: .audit, message: message, fields: fields))
  }
}
