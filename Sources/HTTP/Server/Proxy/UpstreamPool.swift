import HTTPCore
import NIOCore
import NIOSSL
import Services
import Synchronization
import WireKit

/// The upstreams of one site: which is well, how busy each is, and the connections that wait for their next request.
final class UpstreamPool: Sendable {
  /// Connections to one upstream that are kept without a request.
  private static let maximumIdle = 32
  private static let idleTime = Duration.seconds(30)

  private struct Idle {
    let connection: UpstreamConnection
    let eventLoop: ObjectIdentifier
    let since: MonotonicTime
  }

  private struct Member {
    var underWay = 0
    var idle: [Idle] = []
    /// Until when it gets nothing, because it could not be reached.
    var quarantinedUntil: MonotonicTime?
    /// What the last look at its health said.
    var isHealthy = true
  }

  let configuration: ProxyConfiguration
  private let clock: any Clock
  private let tls: NIOSSLContext?
  private let members: Mutex<[Member]>

  init(_ configuration: ProxyConfiguration, clock: any Clock) throws {
    self.configuration = configuration
    self.clock = clock
    members = Mutex(configuration.upstreams.map { _ in Member() })
    tls = configuration.upstreams.contains(where: \.isSecure) ? try Self.tlsContext(configuration) : nil
  }

  /// How upstreams inside TLS are judged.
  static func tlsContext(_ configuration: ProxyConfiguration) throws -> NIOSSLContext {
    var settings = TLSConfiguration.makeClientConfiguration()
    settings.minimumTLSVersion = .tlsv12
    settings.applicationProtocols = ["http/1.1"]
    if !configuration.trustRoots.isEmpty {
      settings.trustRoots = .certificates(
        try configuration.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
    }
    return try NIOSSLContext(configuration: settings)
  }

  deinit { close() }

  /// A place in an upstream's work, given back once.
  struct Lease: Sendable {
    let index: Int
    let connection: UpstreamConnection
    /// Whether it had served a request before: such a one may have been closed by the other end just now.
    let isReused: Bool
  }

  /// A connection for one request; `excluded` upstreams were tried already.
  /// - Parameter preferred: The one that has served this client before, as long as it is well.
  func lease(
    for source: IPAddress, preferred: Int? = nil, on eventLoop: any EventLoop, excluding excluded: Set<Int>
  ) async throws -> Lease {
    var failed = excluded
    while let index = choose(source, preferred, excluding: failed) {
      if let connection = takeIdle(index, eventLoop) {
        return Lease(index: index, connection: connection, isReused: true)
      }
      do {
        let upstream = configuration.upstreams[index]
        let connection = try await UpstreamConnection.open(
          to: upstream, tls: upstream.isSecure ? tls : nil, configuration, on: eventLoop)
        return Lease(index: index, connection: connection, isReused: false)
      } catch {
        release(index, connection: nil, on: eventLoop)
        noteUnreachable(index)
        failed.insert(index)
        if failed.count == configuration.upstreams.count { throw error }
      }
    }
    throw UpstreamError("no upstream is left")
  }

  /// Gives a place back, and the connection where it can take another request.
  func release(_ index: Int, connection: UpstreamConnection?, on eventLoop: any EventLoop) {
    let now = clock.now()
    let surplus = members.withLock { members -> UpstreamConnection? in
      members[index].underWay -= 1
      guard let connection, connection.isActive else { return connection }
      guard members[index].idle.count < Self.maximumIdle else { return connection }
      members[index].idle.append(Idle(connection: connection, eventLoop: ObjectIdentifier(eventLoop), since: now))
      return nil
    }
    surplus?.close()
  }

  func noteUnreachable(_ index: Int) {
    let end = clock.now() + configuration.quarantine
    members.withLock { $0[index].quarantinedUntil = end }
  }

  func noteHealth(_ index: Int, isHealthy: Bool) {
    members.withLock { members in
      members[index].isHealthy = isHealthy
      if isHealthy { members[index].quarantinedUntil = nil }
    }
  }

  /// Requests under way at each upstream, and whether it would get another.
  var state: [(underWay: Int, isUsable: Bool)] {
    let now = clock.now()
    return members.withLock { $0.map { ($0.underWay, Self.isUsable($0, now)) } }
  }

  /// Closes what waits.
  func close() {
    let all = members.withLock { members in
      let all = members.flatMap(\.idle)
      for index in members.indices { members[index].idle = [] }
      return all
    }
    for idle in all { idle.connection.close() }
  }

  // MARK: Choosing

  private static func isUsable(_ member: Member, _ now: MonotonicTime) -> Bool {
    member.isHealthy && (member.quarantinedUntil.map { $0 <= now } ?? true)
  }

  /// Chooses an upstream and counts the request. Those that are not well come last: better a chance than none.
  private func choose(_ source: IPAddress, _ preferred: Int?, excluding excluded: Set<Int>) -> Int? {
    let now = clock.now()
    return members.withLock { members -> Int? in
      let open = members.indices.filter { !excluded.contains($0) }
      let usable = open.filter { Self.isUsable(members[$0], now) }
      let candidates = usable.isEmpty ? open : usable
      guard let first = candidates.first else { return nil }
      let choice: Int
      switch configuration.balance {
      case .cookie where preferred.map(candidates.contains) == true: choice = preferred ?? first
      case .leastConnections, .cookie:
        choice = candidates.min { members[$0].underWay < members[$1].underWay } ?? first
      case .randomTwo:
        let one = candidates.randomElement() ?? first
        let other = candidates.randomElement() ?? first
        choice = members[one].underWay <= members[other].underWay ? one : other
      case .source:
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in source.description.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        choice = candidates[Int(hash % UInt64(candidates.count))]
      }
      members[choice].underWay += 1
      return choice
    }
  }

  /// A waiting connection, one of the same event loop if there is one; those that waited too long are closed.
  private func takeIdle(_ index: Int, _ eventLoop: any EventLoop) -> UpstreamConnection? {
    let now = clock.now()
    let isStale: (Idle) -> Bool = { now - $0.since > Self.idleTime || !$0.connection.isActive }
    let (taken, stale) = members.withLock { members -> (UpstreamConnection?, [Idle]) in
      let stale = members[index].idle.filter(isStale)
      members[index].idle.removeAll(where: isStale)
      let here = members[index].idle.lastIndex { $0.eventLoop == ObjectIdentifier(eventLoop) }
      guard let place = here ?? members[index].idle.indices.last else { return (nil, stale) }
      return (members[index].idle.remove(at: place).connection, stale)
    }
    for idle in stale { idle.connection.close() }
    return taken
  }
}
