import DNSClient
import DNSCore
import DNSSecurity
import DNSServer
import Services
import WireKit

/// Updates that are signed by a published key, and those that go on to another server.
extension ZoneReplication {
  /// Updates that may be on their way to primaries at once.
  private static let forwardLimit = 64

  /// An update without a shared key's signature: it may have that of a KEY record (RFC 2931).
  func takeUnshared(_ request: [UInt8], _ peer: Endpoint, _ now: UInt32) -> DNSReply {
    let found: SIG0Record?
    do throws(WireError) { found = try SIG0Record.find(in: request) } catch { return Self.bare(request, .formErr) }
    guard let found else { return takeUpdate(request, nil, peer) }
    let signer = UpdateSigner.published(found.signer)
    // Only of keys that some rule names, so that strangers' signatures cost nothing. Records that came by updates are no
    // keys: whoever may add one would become whoever it names.
    let isNamed = state.withLock { $0.configuration.updates.contains { $0.signer == signer } }
    let keys = isNamed ? server.writtenRecords(of: found.signer).filter { $0.type == .key }.map(\.data) : []
    guard found.isSigned(by: keys, now: now) else {
      emitRefusal(
        "a DNS request's signature is wrong", nil,
        [
          .init("key", .string("\(found.signer)")),
          .init("error", .string(!isNamed ? "no rule" : keys.isEmpty ? "no KEY record" : "BADSIG or BADTIME")),
        ], peer: peer)
      guard let message = try? Message.decode(found.plain) else { return Self.bare(request, .formErr) }
      return Self.answer(message, .notAuth)
    }
    return takeUpdate(found.plain, signer, peer)
  }

  /// Hands an update on as it came, and its answer back: both are signed between client and primary (RFC 2136 §6).
  func forward(
    _ request: [UInt8], to zone: ReplicationConfiguration.Incoming, from peer: Endpoint
  ) async -> DNSReply {
    guard let message = try? Message.decode(request) else { return Self.bare(request, .formErr) }
    guard zone.forwardsUpdates.contains(where: { $0.contains(peer.address) }) else {
      emitRefusal(
        "zone update refused", zone.zone, [.init("reason", .string("not forwarded for this client"))], peer: peer)
      return Self.answer(message, .refused)
    }
    let hasPlace = state.withLock { state in
      guard state.forwards < Self.forwardLimit else { return false }
      state.forwards += 1
      return true
    }
    guard hasPlace else { return Self.answer(message, .servFail) }
    defer { state.withLock { $0.forwards -= 1 } }
    var client = client
    client.timeout = .seconds(10)
    if !zone.trustRoots.isEmpty { client.trustRoots = zone.trustRoots }
    for primary in zone.primaries {
      do {
        let reply = try await client.relay(request, to: primary, isSecure: zone.isSecure)
        emit(.info, "zone update handed on", zone.zone, [.init("primary", .endpoint(primary))], peer: peer)
        return .message(reply)
      } catch {
        emitRefusal(
          "zone update can't be handed on", zone.zone,
          [.init("primary", .endpoint(primary)), .init("error", .string("\(error)"))], peer: peer)
      }
    }
    return Self.answer(message, .servFail)
  }
}

extension Opcode {
  /// That of a message on the wire; `nil` for what is too short for one.
  init?(ofMessage message: [UInt8]) {
    guard message.count >= Header.wireLength else { return nil }
    self.init(rawValue: message[2] >> 3 & 15)
  }
}
