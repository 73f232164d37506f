import Foundation
import SMTPClient
import SMTPCore
import Services
import Synchronization

/// Fetches the policy of a domain over HTTPS (RFC 8461 §3.3): its certificate checked, no redirect followed, at most 64 kB.
public protocol MTASTSFetcher: Sendable {
  /// The text at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.
  func policy(of domain: String) async throws -> String
}

/// What other domains demand of TLS to them (MTA-STS, RFC 8461), remembered in a file for as long as they said.
public final class TransportPolicies: Sendable {
  /// A policy, with what went wrong when it was looked for last.
  struct Finding: Sendable {
    var policy: MTASTSPolicy?
    /// The `result-type` of RFC 8460 §4.3.
    var failure: String?
  }

  private struct Entry: Codable {
    var id: String
    var policy: MTASTSPolicy
    var until: Int64
  }

  private struct State {
    var entries: [String: Entry] = [:]
    /// Domains whose policy could not be fetched, and until when that is not tried again (§5.1).
    var pauses: [String: Int64] = [:]
  }

  private static let capacity = 10_000
  private static let pause: Int64 = 300

  private let resolver: any MailResolver
  private let fetcher: any MTASTSFetcher
  private let clock: any Clock
  private let file: String?
  private let state: Mutex<State>

  /// - Parameter file: `nil` remembers in memory alone.
  public init(resolver: any MailResolver, fetcher: any MTASTSFetcher, file: String?, clock: any Clock) {
    self.resolver = resolver
    self.fetcher = fetcher
    self.clock = clock
    self.file = file
    let content = file.flatMap { FileManager.default.contents(atPath: $0) } ?? Data()
    state = Mutex(State(entries: (try? JSONDecoder().decode([String: Entry].self, from: content)) ?? [:]))
  }

  /// What holds for a domain now (§5.1): the policy that its record names, or the one that was fetched before and still holds.
  func policy(of domain: String) async -> Finding {
    let now = clock.wallTime().seconds
    let known = state.withLock { $0.entries[domain] }.flatMap { $0.until > now ? $0 : nil }
    let texts = (try? await resolver.texts(of: "_mta-sts.\(domain)")) ?? []
    guard let record = MTASTSRecord(texts) else { return Finding(policy: known?.policy) }
    if let known, known.id == record.id { return Finding(policy: known.policy) }
    let isPaused = state.withLock { $0.pauses[domain].map { $0 > now } ?? false }
    guard !isPaused else {
      return Finding(policy: known?.policy, failure: known == nil ? "sts-policy-fetch-error" : nil)
    }
    do {
      guard let policy = MTASTSPolicy(try await fetcher.policy(of: domain)) else {
        pause(domain, now)
        return Finding(policy: known?.policy, failure: "sts-policy-invalid")
      }
      keep(Entry(id: record.id, policy: policy, until: now + policy.maximumAge), domain, now)
      return Finding(policy: policy)
    } catch {
      pause(domain, now)
      return Finding(policy: known?.policy, failure: "sts-policy-fetch-error")
    }
  }

  private func pause(_ domain: String, _ now: Int64) {
    state.withLock { state in
      if state.pauses.count >= Self.capacity { state.pauses.removeAll() }
      state.pauses[domain] = now + Self.pause
    }
  }

  private func keep(_ entry: Entry, _ domain: String, _ now: Int64) {
    state.withLock { state in
      if state.entries.count >= Self.capacity {
        state.entries = state.entries.filter { $0.value.until > now }
        if state.entries.count >= Self.capacity { state.entries.removeAll() }
      }
      state.entries[domain] = entry
      guard let file, let content = try? JSONEncoder().encode(state.entries) else { return }
      try? content.write(to: URL(fileURLWithPath: file), options: .atomic)
    }
  }
}
