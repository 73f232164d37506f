import DNSCore
import DNSServer
import Services
import Synchronization

/// The TXT records that certificate authorities look for (RFC 8555 §8.4), in zones of our own.
final class DNSChallenges: Sendable {
  private let server: DNSServer
  private let shown = Mutex<Set<String>>([])

  init(_ server: DNSServer) { self.server = server }

  func follow(_ board: ChallengeBoard) { board.follow { [self] in show($0) } }

  private func show(_ challenges: [PublishedChallenge]) {
    // A wildcard and its parent are validated at one name, by two records.
    var records: [String: [ResourceRecord]] = [:]
    for challenge in challenges {
      guard case .record(let text) = challenge.content, let parent = try? Name(challenge.name),
        let name = try? Name("_acme-challenge", origin: parent)
      else { continue }
      records["acme \(challenge.name) \(text)"] = [ResourceRecord(name, ttl: 1, RData(TXT([Array(text.utf8)])))]
    }
    let gone = shown.withLock { shown in
      defer { shown = Set(records.keys) }
      return shown.subtracting(records.keys)
    }
    for key in gone { records[key] = [] }
    guard !records.isEmpty else { return }
    _ = server.updateDynamic(records)
  }
}
