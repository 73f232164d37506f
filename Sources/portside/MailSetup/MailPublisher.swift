import Configuration
import Foundation
import MailSetup
import SMTPClient
import SMTPCore
import SMTPServer
import Services
import Supervision
import Synchronization

/// The mail worker's side of what is published: keeps the signing keys, and writes down what others publish.
final class MailPublisher: Sendable {
  /// How often the age of keys is looked at.
  private static let pause = Duration.seconds(60)

  let signer = DKIMSigner([:])
  private let resolver: any MailResolver
  private let context: ServerContext
  private let state = Mutex(State())

  private struct State {
    var keys: SigningKeys?
    var draft: MailPublication?
    var file = ""
    var lifetime: Int64 = 0
    var written: MailPublication?
    var task: Task<Void, Never>?
    var work: (@Sendable () async -> Void)?
  }

  init(resolver: any MailResolver, context: ServerContext) {
    self.resolver = resolver
    self.context = context
  }

  /// Takes a configuration over: the keys are there, and what is published is written, when it returns.
  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) throws {
    let folder = DataFolder(settings.configuration)
    let keys = SigningKeys(folder, try SMTPHosting.signingSecret(settings))
    let section = settings.configuration.smtp
    let now = context.clock.wallTime().seconds
    var publication = MailPublication(
      hostname: settings.configuration.server.hostname.description.lowercased(),
      domains: section.domains.map { MailPublication.Domain($0.description.lowercased(), keys: []) })
    publication.dmarc = section.publish.dmarc.rawValue
    publication.reports = section.publish.reports?.description
    publication.isOnWeb = section.publish.web
    publication.transportPolicy =
      switch section.publish.mtaSTS {
      case .off: nil
      case .testing: .testing
      case .enforce: .enforce
      }
    publication.services = Self.services(settings, sockets)
    state.withLock { state in
      (state.keys, state.draft, state.file) = (keys, publication, folder.mailPublication)
      state.lifetime = section.publish.keyLifetime.components.seconds
    }
    var found: [String: [SigningKeys.Stored]] = [:]
    for domain in publication.domains { found[domain.name] = try keys.keys(of: domain.name, now: now) }
    try take(found)
  }

  func start() {
    let task = Task {
      while !Task.isCancelled {
        try? await Task.sleep(for: Self.pause)
        await advance()
        await state.withLock { $0.work }?()
      }
    }
    state.withLock { $0.task = task }
  }

  /// What else is done at the same pace.
  func everyMinute(_ work: @escaping @Sendable () async -> Void) { state.withLock { $0.work = work } }

  func stop() { state.withLock { $0.task }?.cancel() }

  private func advance() async {
    let (keys, draft, lifetime) = state.withLock { ($0.keys, $0.draft, $0.lifetime) }
    guard let keys, let draft else { return }
    do {
      var found: [String: [SigningKeys.Stored]] = [:]
      for domain in draft.domains {
        found[domain.name] = try await keys.advance(
          domain.name, now: context.clock.wallTime().seconds, lifetime: lifetime
        ) { key in
          let texts = (try? await resolver.texts(of: "\(key.selector)._domainkey.\(domain.name)")) ?? []
          return texts.contains(key.key.record)
        }
      }
      try take(found)
    } catch {
      context.events.emit(
        Services.Event(
          time: context.clock.wallTime(), severity: .error, message: "signing keys can't be kept", service: .smtp,
          fields: [.init("reason", .string("\(error)"))]))
    }
  }

  /// Signs by these keys from now on, and publishes them.
  private func take(_ keys: [String: [SigningKeys.Stored]]) throws {
    signer.reload(
      keys.mapValues { SigningKeys.signing($0).map { DKIMSigner.Entry(selector: $0.selector, key: $0.key) } })
    try state.withLock { state in
      guard var publication = state.draft else { return }
      for index in publication.domains.indices {
        publication.domains[index].keys = (keys[publication.domains[index].name] ?? [])
          .map { MailPublication.Key(selector: $0.selector, record: $0.key.record) }
      }
      guard state.written != publication else { return }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      try SealedFile.write(try encoder.encode(publication), to: state.file, mode: 0o644)
      state.written = publication
    }
  }

  /// The ports that people's programs find in SRV records and settings: the real ones, also where any were asked for.
  private static func services(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) -> [MailPublication.Service] {
    var services: [MailPublication.Service] = []
    for socket in sockets {
      guard let declaration = settings.listeners[socket.name], let port = socket.place.endpoint?.port,
        ![.smtp, .lmtp].contains(declaration.service), declaration.tls != .none,
        !services.contains(where: { $0.name == declaration.service })
      else { continue }
      services.append(.init(declaration.service, port: port, isImplicit: declaration.tls == .implicit))
    }
    return services.sorted { $0.name.rawValue < $1.name.rawValue }
  }
}

/// The file that tells what is published; read again when it has changed.
final class MailPublicationFile: Sendable {
  private struct State {
    var stamp: [Int64] = []
    var publication: MailPublication?
  }

  let path: String
  private let state = Mutex(State())

  init(_ path: String) { self.path = path }

  /// What it says now; `nil` when there is none.
  var current: MailPublication? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    let stamp = [
      Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec), Int64(status.st_size), Int64(status.st_ino),
    ]
    return state.withLock { state in
      if state.stamp != stamp {
        let content = FileManager.default.contents(atPath: path) ?? Data()
        guard let publication = try? JSONDecoder().decode(MailPublication.self, from: content) else {
          return state.publication
        }
        (state.stamp, state.publication) = (stamp, publication)
      }
      return state.publication
    }
  }
}
