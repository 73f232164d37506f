import Configuration
import DNSCore
import DNSResolver
import DNSServer
import Services
import Synchronization
import WireKit

/// Gives names of ours the addresses of other names (`dns.alias`), and follows these as they change.
///
/// The addresses stand in the zone as records of a service do: transferred, signed and with a serial of their own. While nobody
/// answers for the other name, or its answer is forged, the last addresses stay.
final class ApexAliases: Sendable {
  /// How often, whatever the TTL says.
  private static let shortest: UInt32 = 30
  private static let longest: UInt32 = 3_600
  /// What follows a failure.
  private static let retry: UInt32 = 60

  private let server: DNSServer
  private let resolver: Resolver
  private let context: ServerContext
  private let tasks = Mutex<[DNSAlias: Task<Void, Never>]>([:])

  init(_ server: DNSServer, _ resolver: Resolver, _ context: ServerContext) {
    self.server = server
    self.resolver = resolver
    self.context = context
  }

  func follow(_ aliases: [DNSAlias]) {
    tasks.withLock { tasks in
      for (alias, task) in tasks where !aliases.contains(alias) {
        task.cancel()
        tasks[alias] = nil
        server.updateDynamic([Self.key(alias): []])
      }
      for alias in aliases where tasks[alias] == nil {
        guard let name = try? Name(alias.name.description), let target = try? Name(alias.to.description) else {
          continue
        }
        tasks[alias] = Task { await self.run(alias, name, target) }
      }
    }
  }

  func stop() {
    for task in tasks.withLock({ $0 }).values { task.cancel() }
  }

  private static func key(_ alias: DNSAlias) -> String { "alias \(alias.name) \(alias.to)" }

  private func run(_ alias: DNSAlias, _ name: Name, _ target: Name) async {
    var isFailing = false
    while !Task.isCancelled {
      let records: [ResourceRecord]
      do {
        records = try await addresses(name, target)
        isFailing = false
      } catch {
        if Task.isCancelled { return }
        if !isFailing { report(name, target, error) }
        isFailing = true
        try? await Task.sleep(for: .seconds(Self.retry))
        continue
      }
      // A task that was given up must not put back what was taken out.
      tasks.withLock { tasks in
        if tasks[alias] != nil, !Task.isCancelled { server.updateDynamic([Self.key(alias): records], .freeTypes) }
      }
      let ttl = records.map(\.ttl).min() ?? Self.retry
      try? await Task.sleep(for: .seconds(min(max(ttl, Self.shortest), Self.longest)))
    }
  }

  /// Both kinds of addresses, each set with one TTL, in an order that does not change.
  private func addresses(_ name: Name, _ target: Name) async throws -> [ResourceRecord] {
    var records: [ResourceRecord] = []
    for type in [RecordType.a, .aaaa] {
      let answer = try await resolver.lookUp(Question(target, type))
      guard !answer.security.isBogus, answer.code == .noError || answer.code == .nxDomain else {
        throw CommandFailure("\(answer.code), \(answer.security)")
      }
      let found = answer.records.filter { $0.type == type }
      // Whoever is told to keep it for a day would not see a change before.
      let ttl = min(max(answer.records.map(\.ttl).min() ?? 0, Self.shortest), Self.longest)
      records += found.map { ResourceRecord(name, ttl: ttl, $0.data) }
    }
    return records.sorted { ($0.type, $0.data.description) < ($1.type, $1.data.description) }
  }

  private func report(_ name: Name, _ target: Name, _ error: any Error) {
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: .warning, message: "an alias goes on with its last addresses",
        service: .dns,
        fields: [
          .init("name", .string("\(name)")), .init("target", .string("\(target)")),
          .init("error", .string("\(error)")),
        ]))
  }
}
