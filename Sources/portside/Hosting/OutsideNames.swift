import DNSClient
import DNSCore
import Foundation
import NIOPosix
import Services
import Synchronization
import WireKit

/// The names of leases at the DNS servers of others (RFC 2136, RFC 4703).
///
/// It compares what should be there with what it has entered, and sends updates until the two are the same: so nothing is lost by a
/// server that is away, nor by a restart of ours. What it has entered, or begun to, stands in a file before the first update leaves.
final class OutsideNames: Sendable {
  struct Target: Sendable {
    var zone: Name
    var server: Endpoint
    var key: TSIGKey?
  }

  /// What stands at the other servers for an address, as the file has it.
  struct Entered: Codable, Hashable {
    var name: String
    /// The data of the DHCID record.
    var owner: [UInt8]
    /// Whether it is there for certain, and is to be.
    var isDone: Bool

    static func read(_ path: String) -> [String: Entered] {
      let content = FileManager.default.contents(atPath: path) ?? Data()
      return (try? JSONDecoder().decode([String: Entered].self, from: content)) ?? [:]
    }
  }

  /// What should stand there for an address.
  private struct Wish: Hashable {
    var forward: ResourceRecord
    var reverse: ResourceRecord
    var owner: RData

    init?(_ records: [ResourceRecord]) {
      guard let forward = records.first(where: { $0.type == .a || $0.type == .aaaa }),
        let reverse = records.first(where: { $0.type == .ptr }),
        let owner = records.first(where: { $0.type == .dhcid })
      else { return nil }
      (self.forward, self.reverse, self.owner) = (forward, reverse, owner.data)
    }

    func matches(_ entered: Entered) -> Bool {
      forward.name.description == entered.name && owner.wire == entered.owner
    }
  }

  /// When something is tried again.
  private struct Pause {
    var failures = 0
    var until = MonotonicTime(nanoseconds: 0)

    mutating func lengthen(_ now: MonotonicTime) {
      failures += 1
      until = now + .seconds(min(300, 1 << min(failures - 1, 9)))
    }
  }

  private struct State {
    var targets: [Target] = []
    var file: String?
    var wanted: [IPAddress: Wish] = [:]
    var entered: [IPAddress: Entered] = [:]
    var pauses: [IPAddress: Pause] = [:]
    var servers: [Endpoint: Pause] = [:]
    var task: Task<Void, Never>?
  }

  /// One thing to do at the other servers.
  private struct Job: Sendable {
    var address: IPAddress
    var isRemoval: Bool
    var steps: [Part]

    struct Part: Sendable {
      var target: Target
      var registration: NameRegistration
    }
  }

  private enum Result: Sendable {
    case done
    case conflict
    case refused(ResponseCode, Endpoint)
    case unreachable(String, Endpoint)
  }

  /// How many addresses are worked on at a time.
  private static let width = 16

  private let clock: any Services.Clock
  private let events: any EventSink
  private let state = Mutex(State())

  init(clock: any Services.Clock, events: any EventSink) {
    self.clock = clock
    self.events = events
  }

  /// Which zones are whose. With other ones than before everything is entered anew there.
  func configure(_ targets: [Target], file: String) {
    state.withLock { state in
      if state.file != file {
        state.file = file
        let entries = Entered.read(file).compactMap { entry in IPAddress(entry.key).map { ($0, entry.value) } }
        state.entered = Dictionary(entries) { first, _ in first }
      }
      let isSame = state.targets.elementsEqual(targets) { $0.zone == $1.zone && $0.server == $1.server }
      if !isSame, !state.targets.isEmpty {
        for address in state.entered.keys { state.entered[address]?.isDone = false }
      }
      state.targets = targets
      (state.pauses, state.servers) = ([:], [:])
    }
  }

  /// Takes in what names belong to which address now, by the keys of `LeaseNames`; none: the address has no name any more.
  func take(_ changes: [String: [ResourceRecord]]) {
    if changes.isEmpty { return }
    state.withLock { state in
      for (key, records) in changes {
        guard let address = IPAddress(String(key.drop { $0 != " " }.dropFirst())) else { continue }
        state.wanted[address] = Wish(records)
        state.pauses[address] = nil
      }
    }
  }

  /// Begins to work, once every lease is known.
  func begin() {
    state.withLock { state in
      guard state.task == nil else { return }
      state.task = Task { [self] in
        while !Task.isCancelled {
          if await !pass() { try? await Task.sleep(for: .milliseconds(200)) }
        }
      }
    }
  }

  func stop() async {
    let task = state.withLock { state in
      defer { state.task = nil }
      return state.task
    }
    task?.cancel()
    await task?.value
  }

  // MARK: Working

  /// Returns whether anything was done.
  private func pass() async -> Bool {
    let now = clock.now()
    let jobs = state.withLock { state in Self.due(&state, now) }
    guard !jobs.isEmpty else { return false }
    // What ends comes first: its name may be another machine's by now.
    let removals = jobs.filter(\.isRemoval)
    await carryOut(removals.isEmpty ? jobs : removals)
    return true
  }

  private static func due(_ state: inout State, _ now: MonotonicTime) -> [Job] {
    guard !state.targets.isEmpty else { return [] }
    var jobs: [Job] = []
    var hasNews = false
    for address in Set(state.wanted.keys).union(state.entered.keys).sorted() where jobs.count < 256 {
      if let pause = state.pauses[address], pause.until > now { continue }
      let wish = state.wanted[address]
      let entered = state.entered[address]
      var job: Job?
      if let entered, wish?.matches(entered) != true {
        job = removal(entered, address, state.targets)
        if job == nil { state.entered[address] = nil } else { state.entered[address]?.isDone = false }
        hasNews = hasNews || entered.isDone || job == nil
      } else if let wish, entered?.isDone != true, let found = addition(wish, address, state.targets) {
        job = found
        hasNews = hasNews || entered == nil
        state.entered[address] = Entered(
          name: wish.forward.name.description, owner: wish.owner.wire, isDone: false)
      }
      guard let job, !job.steps.contains(where: { state.servers[$0.target.server].map { $0.until > now } ?? false })
      else { continue }
      jobs.append(job)
    }
    if hasNews { save(state) }
    return jobs
  }

  private static func target(_ name: Name, _ targets: [Target]) -> Target? {
    targets.filter { name.isWithin($0.zone) }.max { $0.zone.wire.count < $1.zone.wire.count }
  }

  private static func addition(_ wish: Wish, _ address: IPAddress, _ targets: [Target]) -> Job? {
    let tasks: [NameRegistration.Task] = [.addForward(wish.forward), .addReverse(wish.reverse)]
    let records = [wish.forward, wish.reverse]
    let steps = zip(tasks, records).compactMap { task, record in
      target(record.name, targets).map {
        Job.Part(target: $0, registration: .init(task, owner: wish.owner, in: $0.zone))
      }
    }
    return steps.isEmpty ? nil : Job(address: address, isRemoval: false, steps: steps)
  }

  private static func removal(_ entered: Entered, _ address: IPAddress, _ targets: [Target]) -> Job? {
    guard let name = try? Name(entered.name), let owner = try? RData(type: .dhcid, wire: entered.owner.span.bytes)
    else { return nil }
    let data = address.family == .v4 ? RData(A(address)) : RData(AAAA(address))
    let forward = ResourceRecord(name, ttl: 0, data)
    let reverse = ResourceRecord(Name(reverseOf: address), ttl: 0, RData(PTR(name)))
    let tasks: [NameRegistration.Task] = [.removeReverse(reverse), .removeForward(forward)]
    let steps = zip(tasks, [reverse, forward]).compactMap { task, record in
      target(record.name, targets).map { Job.Part(target: $0, registration: .init(task, owner: owner, in: $0.zone)) }
    }
    return steps.isEmpty ? nil : Job(address: address, isRemoval: true, steps: steps)
  }

  private func carryOut(_ jobs: [Job]) async {
    await withTaskGroup(of: (Job, Result).self) { group in
      var rest = jobs[...]
      for job in rest.prefix(Self.width) { group.addTask { (job, await Self.carryOut(job)) } }
      rest = rest.dropFirst(Self.width)
      for await (job, result) in group {
        settle(job, result)
        if let next = rest.popFirst(), !Task.isCancelled, !isResting(next) {
          group.addTask { (next, await Self.carryOut(next)) }
        }
      }
    }
    state.withLock { Self.save($0) }
  }

  private func isResting(_ job: Job) -> Bool {
    let now = clock.now()
    return state.withLock { state in
      job.steps.contains { state.servers[$0.target.server].map { $0.until > now } ?? false }
    }
  }

  private static func carryOut(_ job: Job) async -> Result {
    let client = UpdateClient(group: MultiThreadedEventLoopGroup.singleton)
    for part in job.steps {
      let target = part.target
      do {
        switch try await client.run(part.registration, at: target.server, key: target.key) {
        case .done, .send: continue
        // A reverse name that a person wrote hinders no name; a name that is another's has no reverse of ours.
        case .conflict: return .conflict
        case .refused(let code): return .refused(code, target.server)
        }
      } catch { return .unreachable("\(error)", target.server) }
    }
    return .done
  }

  private func settle(_ job: Job, _ result: Result) {
    let now = clock.now()
    let news = state.withLock { state -> (Event.Severity, StaticString, String)? in
      switch result {
      case .done:
        state.pauses[job.address] = nil
        if job.isRemoval { state.entered[job.address] = nil } else { state.entered[job.address]?.isDone = true }
        let server = job.steps[0].target.server
        guard state.servers.removeValue(forKey: server) != nil else { return nil }
        return (.notice, "the DNS server takes names again", server.description)
      case .conflict:
        var pause = state.pauses[job.address] ?? Pause()
        defer { state.pauses[job.address] = pause }
        let isFirst = pause.failures == 0
        // It may be given up there; until then it is looked for now and then.
        (pause.failures, pause.until) = (1, now + .seconds(600))
        guard isFirst else { return nil }
        return (.notice, "the name is another's at the DNS server", state.entered[job.address]?.name ?? "")
      case .refused(let code, let server):
        state.pauses[job.address, default: Pause()].lengthen(now)
        guard state.pauses[job.address]?.failures == 1 else { return nil }
        return (.warning, "the DNS server does not take a name", "\(server): \(code)")
      case .unreachable(let reason, let server):
        if let pause = state.servers[server], pause.until > now { return nil }
        state.servers[server, default: Pause()].lengthen(now)
        guard state.servers[server]?.failures == 1 else { return nil }
        return (.warning, "the DNS server cannot be told of names", "\(server): \(reason)")
      }
    }
    guard let (severity, message, reason) = news else { return }
    events.emit(
      Event(
        time: clock.wallTime(), severity: severity, message: message, service: .dhcp,
        fields: [.init("address", .address(job.address)), .init("reason", .string(reason))]))
  }

  private static func save(_ state: State) {
    guard let file = state.file else { return }
    let entries = Dictionary(uniqueKeysWithValues: state.entered.map { ($0.key.description, $0.value) })
    guard let content = try? JSONEncoder().encode(entries) else { return }
    try? content.write(to: URL(fileURLWithPath: file), options: .atomic)
  }
}
