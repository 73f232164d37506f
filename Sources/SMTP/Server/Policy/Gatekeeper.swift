import SMTPClient
import SMTPCore
import Services
import Synchronization
import Transport
import WireKit

/// The checks before a message is let in: block lists in DNS, greylisting.
struct Gatekeeper: Sendable {
  let server: SMTPServer

  /// Why this recipient is not taken now; `nil` when it is.
  func obstacle(
    _ recipient: Envelope.Recipient, from sender: ReversePath, _ client: ServerRequest.Client?,
    _ connection: Connection
  ) async -> SMTPReply? {
    let configuration = server.configuration
    let peer = connection.peer.address
    guard client?.account == nil, !configuration.mayRelay(peer), !peer.isLoopback || configuration.isLaboratory else {
      return nil
    }
    for list in configuration.blockLists {
      if let answer = await listing(peer, in: list) {
        return SMTPReply(550, "5.7.1", "\(peer) stands in \(list)\(answer)")
      }
    }
    guard let time = configuration.greylistTime else { return nil }
    let now = server.parts.context.clock.now()
    let key = Greylist.Key(network: peer, sender: sender.description, recipient: recipient.address.normalised)
    guard server.greylist.isWelcome(key, after: time, now: now) else {
      return SMTPReply(451, "4.7.1", "Not yet known here, try again in a while")
    }
    return nil
  }

  /// Whether an address stands in a list (RFC 5782 §2); the reason that the list gives, if any.
  private func listing(_ address: IPAddress, in list: String) async -> String? {
    let name: String
    if address.family == .v4 {
      name = address.octets.reversed().map(String.init).joined(separator: ".")
    } else {
      name = address.octets.reversed().flatMap { [$0 & 15, $0 >> 4] }.map { String($0, radix: 16) }
        .joined(separator: ".")
    }
    let resolver = server.parts.resolver
    guard let found = try? await resolver.addresses(of: "\(name).\(list)"),
      // 127.255.255.x: the list refuses to answer us. That is no listing.
      found.contains(where: { $0.octets.first == 127 && !$0.octets.starts(with: [127, 255]) })
    else { return nil }
    let text = (try? await resolver.texts(of: "\(name).\(list)"))?.first
    return text.map { ": \($0.prefix(200))" } ?? ""
  }
}

/// Senders that were seen before, in memory and bounded.
final class Greylist: Sendable {
  struct Key: Hashable {
    /// The sender's network: big senders try again from a neighbour.
    var network: IPNetwork
    var sender: String
    var recipient: String

    init(network address: IPAddress, sender: String, recipient: String) {
      network =
        IPNetwork(containing: address, prefixLength: address.family == .v4 ? 24 : 64) ?? IPNetwork(address)
      self.sender = sender.lowercased()
      self.recipient = recipient
    }
  }

  private static let capacity = 50_000
  /// How long a first attempt is remembered, and an accepted one.
  private static let memory = Duration.seconds(24 * 3600)

  private struct State {
    var first: [Key: MonotonicTime] = [:]
    /// Networks that have come back in good order: all of their mail is welcome.
    var welcome: [IPNetwork: MonotonicTime] = [:]
  }

  private let state = Mutex(State())

  func isWelcome(_ key: Key, after time: Duration, now: MonotonicTime) -> Bool {
    state.withLock { state in
      if let since = state.welcome[key.network], now - since < Self.memory * 30 { return true }
      if let first = state.first[key], now - first < Self.memory {
        guard now - first >= time else { return false }
        state.first[key] = nil
        if state.welcome.count >= Self.capacity { state.welcome.removeAll() }
        state.welcome[key.network] = now
        return true
      }
      if state.first.count >= Self.capacity { state.first.removeAll() }
      state.first[key] = now
      return false
    }
  }
}
