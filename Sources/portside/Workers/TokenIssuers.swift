import Certificates
import Configuration
import Foundation
import Gate
import HTTPClient
import HTTPCore
import NIOPosix
import Services
import Supervision
import TokenCore

/// The issuers of `[auth.tokens]`, with their keys: from files that are read again when they change, or from URLs whose
/// answers are kept for an hour.
actor TokenIssuers: TokenAuthority {
  /// What is known of an issuer's keys.
  private struct Known {
    var keys: KeySet?
    /// When they came, and when they were last asked for.
    var fetched: Int64 = 0
    var asked: Int64 = 0
    /// What tells the file's contents from other ones.
    var stamp: [Int] = []
  }

  /// Keys are asked for again after this.
  private static let freshSeconds: Int64 = 3600
  /// Not more often than this, whatever tokens name.
  private static let pauseSeconds: Int64 = 60
  /// Keys of an issuer that can't be reached count so long.
  private static let longestSeconds: Int64 = 86_400
  private static let largestSet = 256 * 1024

  private let issuers: [(name: String, section: TokenIssuer)]
  private let roots: [String: [[UInt8]]]
  private let events: any EventSink
  private let clock: any Services.Clock
  private var known: [String: Known] = [:]
  /// Questions to URLs that are under way: everybody who needs an answer waits for the same.
  private var fetches: [String: Task<KeySet?, Never>] = [:]

  /// `nil` when there are none.
  init?(_ section: AuthSection, clock: any Services.Clock, events: any EventSink) throws {
    guard !section.tokens.isEmpty else { return nil }
    issuers = section.tokens.map { (name: $0.key.description, section: $0.value) }.sorted { $0.name < $1.name }
    var roots: [String: [[UInt8]]] = [:]
    for issuer in issuers {
      guard let path = issuer.section.roots?.description else { continue }
      roots[issuer.name] = try TrustRoots(pem: Array(Data(contentsOf: URL(fileURLWithPath: path)))).certificates
    }
    self.roots = roots
    self.clock = clock
    self.events = events
  }

  /// What the gate must be able to read, and to connect to.
  static func confine(_ confinement: inout Confinement, for section: AuthSection) {
    for issuer in section.tokens.values {
      switch issuer.keys {
      // The folder, since a file is replaced as a whole.
      case .file(let path): confinement.readPaths.append(folder(of: path.description))
      case .url(let url): confinement.connectPorts? += [url.port]
      }
      if let path = issuer.roots?.description { confinement.readPaths.append(folder(of: path)) }
    }
  }

  private static func folder(of path: String) -> String { String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]) }

  func judge(_ token: Secret, at time: WallTime) async throws(ServiceUnavailable) -> TokenVerdict {
    guard let parsed = token.withBytes({ SignedToken($0) }) else { return .refused(because: "no token that is signed") }
    let matching = issuers.filter { $0.section.issuer.description == parsed.issuer }
    guard !matching.isEmpty else { return .refused(because: "token of an unknown issuer") }
    var reason = ""
    for issuer in matching {
      guard let keys = await keys(of: issuer.name, issuer.section, naming: parsed.keyID) else {
        throw ServiceUnavailable("the keys of the issuer \(issuer.name) can't be had")
      }
      guard parsed.isSigned(by: keys) else {
        reason = "token with a wrong signature"
        continue
      }
      if let complaint = parsed.complaint(
        audience: issuer.section.audience.map(\.description), at: time.seconds)
      {
        reason = complaint.rawValue
        continue
      }
      guard let account = parsed.text(of: issuer.section.claim.description) else {
        reason = "token without a \(issuer.section.claim.description) that counts"
        continue
      }
      return .vouched(account: account, issuer: issuer.name, severalFactors: parsed.hasSeveralFactors)
    }
    return .refused(because: reason)
  }

  private func keys(of name: String, _ section: TokenIssuer, naming id: String?) async -> KeySet? {
    switch section.keys {
    case .file(let path): return keys(of: name, inFile: path.description)
    case .url(let url): return await keys(of: name, at: url.description, naming: id)
    }
  }

  private func keys(of name: String, inFile path: String) -> KeySet? {
    var status = stat()
    let stamp =
      stat(path, &status) == 0
      ? [Int(status.st_ino), status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec] : []
    if let before = known[name], before.stamp == stamp, !stamp.isEmpty { return before.keys }
    let keys =
      status.st_size <= Self.largestSet
      ? FileManager.default.contents(atPath: path).flatMap { KeySet([UInt8]($0)) } : nil
    if keys == nil { tell("the keys of an issuer of tokens can't be read", name, path) }
    known[name] = Known(keys: keys, stamp: stamp)
    return keys
  }

  private func keys(of name: String, at url: String, naming id: String?) async -> KeySet? {
    let now = clock.wallTime().seconds
    var state = known[name] ?? Known()
    let isFresh = now - state.fetched < Self.freshSeconds && state.keys?.mayHave(id) == true
    if isFresh { return state.keys }
    let task: Task<KeySet?, Never>
    if let running = fetches[name] {
      task = running
    } else if now - state.asked >= Self.pauseSeconds {
      state.asked = now
      known[name] = state
      let roots = roots[name] ?? []
      task = Task { await Self.fetch(url, roots) }
      fetches[name] = task
    } else {
      return now - state.fetched < Self.longestSeconds ? state.keys : nil
    }
    let fetched = await task.value
    fetches[name] = nil
    if let fetched {
      known[name] = Known(keys: fetched, fetched: now, asked: now)
      return fetched
    }
    tell("the keys of an issuer of tokens can't be fetched", name, url)
    return now - state.fetched < Self.longestSeconds ? state.keys : nil
  }

  /// Redirects are not followed.
  private static func fetch(_ url: String, _ roots: [[UInt8]]) async -> KeySet? {
    guard let url = HTTPURL(url) else { return nil }
    let client = HTTPClient(
      group: MultiThreadedEventLoopGroup.singleton,
      configuration: .init(trustRoots: roots, timeoutSeconds: 5, maximumContent: largestSet))
    guard let exchange = try? await client.get(url), exchange.response.status.code == 200 else { return nil }
    return KeySet(exchange.content)
  }

  private func tell(_ message: StaticString, _ name: String, _ place: String) {
    events.emit(
      Event(
        time: clock.wallTime(), severity: .warning, message: message,
        fields: [.init("issuer", .string(name)), .init("keys", .string(place))]))
  }
}
