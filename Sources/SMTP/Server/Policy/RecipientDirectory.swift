import SMTPCore
import Services
import Synchronization
import WireKit

/// Where an address leads: to a mailbox here, away, or nowhere.
struct RecipientDirectory: Sendable {
  enum Destination: Sendable, Hashable {
    /// The mailboxes of an account here.
    case account(String)
    /// Another domain's.
    case remote(MailAddress)
  }

  enum Resolution: Sendable, Hashable {
    case destinations([Destination])
    /// Nobody's.
    case unknown
    /// An account that takes no mail.
    case disabled
  }

  /// Answers of the directory that are kept for a moment: RCPT and delivery ask the same within it.
  private final class Cache: Sendable {
    private struct Entry {
      var owner: AddressOwner
      var until: MonotonicTime
    }
    private let entries = Mutex<[String: Entry]>([:])

    func owner(_ address: String, now: MonotonicTime) -> AddressOwner? {
      entries.withLock { entries in
        guard let entry = entries[address], entry.until > now else { return nil }
        return entry.owner
      }
    }

    func keep(_ owner: AddressOwner, for address: String, now: MonotonicTime) {
      entries.withLock { entries in
        if entries.count >= 4096 { entries.removeAll(keepingCapacity: true) }
        entries[address] = Entry(owner: owner, until: now + .seconds(3))
      }
    }
  }

  private static let maximumDepth = 5
  static let maximumDestinations = 1000

  private let accounts: any Accounts
  private let clock: any Clock
  private let rewriting: SenderRewriting?
  private let cache = Cache()

  init(accounts: any Accounts, clock: any Clock, rewriting: SenderRewriting? = nil) {
    self.rewriting = rewriting
    self.accounts = accounts
    self.clock = clock
  }

  /// Follows aliases, plus-addressing and catch-all.
  func resolve(
    _ address: MailAddress, _ configuration: SMTPServerConfiguration
  ) async throws(ServiceUnavailable) -> Resolution {
    var found: [Destination] = []
    let outcome = try await resolve(address, configuration, depth: 0, into: &found)
    if let outcome { return outcome }
    return .destinations(found)
  }

  /// The account that an address belongs to, also with a tag (`ann+shop@lab.test`).
  func owner(of address: MailAddress) async throws(ServiceUnavailable) -> AddressOwner? {
    let full = address.normalised
    if let owner = try await lookUp(full) { return owner }
    guard let plus = address.local.firstIndex(of: "+"), plus > address.local.startIndex else { return nil }
    return try await lookUp("\(address.local[..<plus].lowercased())@\(address.domain.lowercased())")
  }

  /// `nil` when at least one destination was found.
  private func resolve(
    _ address: MailAddress, _ configuration: SMTPServerConfiguration, depth: Int, into found: inout [Destination]
  ) async throws(ServiceUnavailable) -> Resolution? {
    guard configuration.isLocal(address.domain) else {
      add(.remote(address), &found)
      return nil
    }
    if address.local.count > 5, let original = rewriting?.restore(address, now: clock.wallTime()) {
      add(.remote(original), &found)
      return nil
    }
    if let targets = configuration.aliases[address.normalised] ?? configuration.aliases[Self.untagged(address)] {
      guard depth < Self.maximumDepth else { return .unknown }
      let before = found.count
      for target in targets {
        guard let next = MailAddress(target) else { continue }
        // An alias that names itself means the account of that name.
        if next.normalised == address.normalised {
          if let owner = try await owner(of: next) { add(.account(owner.account), &found) }
        } else {
          _ = try await resolve(next, configuration, depth: depth + 1, into: &found)
        }
      }
      return found.count > before ? nil : .unknown
    }
    if let owner = try await owner(of: address) {
      guard owner.takesMail else { return .disabled }
      add(.account(owner.account), &found)
      return nil
    }
    if let target = configuration.catchAll[address.domain.lowercased()], depth < Self.maximumDepth,
      let next = MailAddress(target), next.normalised != address.normalised
    {
      return try await resolve(next, configuration, depth: depth + 1, into: &found)
    }
    return .unknown
  }

  private static func untagged(_ address: MailAddress) -> String {
    "\(address.local.prefix { $0 != "+" }.lowercased())@\(address.domain.lowercased())"
  }

  private func add(_ destination: Destination, _ found: inout [Destination]) {
    guard found.count < Self.maximumDestinations, !found.contains(destination) else { return }
    found.append(destination)
  }

  private func lookUp(_ address: String) async throws(ServiceUnavailable) -> AddressOwner? {
    let now = clock.now()
    if let owner = cache.owner(address, now: now) { return owner }
    guard let owner = try await accounts.owner(ofAddress: address) else { return nil }
    cache.keep(owner, for: address, now: now)
    return owner
  }
}
