import DNSCore
import DNSServer
import Services
import WireKit

extension ZoneReplication {
  public func answer(_ request: [UInt8], from peer: Endpoint, over transport: DNSTransport) async -> DNSReply {
    if Opcode(ofMessage: request) == .update, let zone = try? Message.decode(request).questions.first?.name,
      let secondary = secondary(zone), !secondary.configuration.forwardsUpdates.isEmpty
    {
      return await forward(request, to: secondary.configuration, from: peer)
    }
    let keys = state.withLock(\.configuration.keys)
    let now = UInt64(max(0, context.clock.wallTime().seconds))
    switch TSIGCheck.check(request, keys, now: now) {
    case .malformed: return Self.bare(request, .formErr)
    case .failed(let error, let reply):
      emitRefusal("a DNS request's signature is wrong", nil, [.init("error", .string("\(error)"))], peer: peer)
      return .message(reply)
    case .unsigned:
      if Opcode(ofMessage: request) == .update { return takeUnshared(request, peer, UInt32(truncatingIfNeeded: now)) }
      return await perform(request, nil, peer, transport, room: 0)
    case .valid(let plain, var transaction):
      switch await perform(plain, transaction.key.name, peer, transport, room: transaction.length) {
      case .message(var reply):
        transaction.sign(&reply)
        return .message(reply)
      case .messages(let source): return .messages(SignedMessages(source, transaction))
      case .none: return .none
      }
    }
  }

  /// - Parameter room: Octets that the signature takes.
  private func perform(
    _ request: [UInt8], _ key: Name?, _ peer: Endpoint, _ transport: DNSTransport, room: Int
  ) async -> DNSReply {
    guard request.count >= Header.wireLength else { return .none }
    switch Opcode(ofMessage: request) {
    case .query: break
    case .notify: return takeNotify(request, key, peer)
    case .update: return takeUpdate(request, key.map { .shared($0) }, peer)
    default: return Self.bare(request, .notImp)
    }
    if let message = try? Message.decode(request), let question = message.questions.first, message.questions.count == 1,
      question.type == .axfr || question.type == .ixfr
    {
      return transfer(message, question, key, peer, transport)
    }
    guard let (reply, leadsOutside) = server.reply(to: request, from: peer.address, over: transport, room: room) else {
      return .none
    }
    if leadsOutside, let resolver, resolver.serves(peer.address) {
      return DNSReply(await resolver.reply(to: request, over: transport))
    }
    return .message(reply)
  }

  // MARK: Transfers

  private func transfer(
    _ message: Message, _ question: Question, _ key: Name?, _ peer: Endpoint, _ transport: DNSTransport
  ) -> DNSReply {
    guard let zone = server.servedZone(question.name), question.recordClass == .in else {
      return Self.answer(message, .notAuth)
    }
    let rules = state.withLock(\.configuration.outgoing)
    guard rules.contains(where: { $0.permits(zone.apex, peer.address, key) }) else {
      emitRefusal("zone transfer refused", zone.apex, [.init("key", .string(key?.description ?? "none"))], peer: peer)
      return Self.answer(message, .refused, ExtendedError.prohibited)
    }
    guard let soa = zone.soaRecord else { return Self.answer(message, .servFail) }
    let id = message.header.id
    if question.type == .ixfr {
      guard let serial = Self.serial(message) else { return Self.answer(message, .formErr) }
      guard TransferReader.isNewer(zone.soa.serial, than: serial) else {
        return .message(IncrementalTransfer.upToDate(soa, id: id, question: question))
      }
      // Over UDP the SOA says that there is something to fetch (RFC 1995 §2).
      guard transport == .stream else {
        return .message(IncrementalTransfer.upToDate(soa, id: id, question: question))
      }
      if let steps = journal(zone.apex)?.steps(from: serial, to: zone.soa.serial, limit: max(65_536, zone.memory)) {
        return begin(
          IncrementalTransfer(steps, soa: soa, id: id, question: question), zone, "incremental", key, peer, message)
      }
    }
    guard transport == .stream else { return Self.answer(message, .formErr) }
    return begin(ZoneTransfer(of: zone, id: id, question: question), zone, "whole", key, peer, message)
  }

  private func begin(
    _ source: some MessageSource, _ zone: Zone, _ kind: String, _ key: Name?, _ peer: Endpoint, _ message: Message
  ) -> DNSReply {
    let hasPlace = state.withLock { state in
      guard state.transfers < state.configuration.transfers else { return false }
      state.transfers += 1
      return true
    }
    guard hasPlace else { return Self.answer(message, .servFail) }
    emit(
      .info, "zone transferred to a secondary", zone.apex,
      [
        .init("serial", .integer(Int64(zone.soa.serial))), .init("kind", .string(kind)),
        .init("key", .string(key?.description ?? "none")),
      ], peer: peer)
    return .messages(HeldMessages(source, holding: TransferPlace(self)))
  }

  /// The serial that whoever asks for changes has (RFC 1995 §3).
  private static func serial(_ message: Message) -> UInt32? {
    guard let soa = message.authorities.first, soa.type == .soa, soa.name == message.questions.first?.name else {
      return nil
    }
    return ZoneDifference.serial(soa)
  }

  // MARK: NOTIFY

  /// RFC 1996 §3.11: only of a primary, or signed by its key.
  private func takeNotify(_ request: [UInt8], _ key: Name?, _ peer: Endpoint) -> DNSReply {
    guard let message = try? Message.decode(request), let question = message.questions.first,
      message.questions.count == 1, question.type == .soa
    else { return Self.bare(request, .formErr) }
    guard let zone = secondary(question.name) else { return Self.answer(message, .notAuth) }
    let configuration = zone.configuration
    let isKnown = configuration.primaries.contains { $0.address == peer.address }
    guard configuration.key.map({ $0 == key }) ?? isKnown else {
      emitRefusal("NOTIFY refused", question.name, [], peer: peer)
      return Self.answer(message, .refused)
    }
    let serial = message.answers.first.flatMap { $0.type == .soa ? ZoneDifference.serial($0) : nil }
    let held = zone.status.zone?.soa.serial
    // A serial that is none the newer needs no asking.
    if serial == nil || held.map({ TransferReader.isNewer(serial ?? 0, than: $0) }) ?? true { zone.wake() }
    return Self.answer(message, .noError)
  }

  // MARK: Updates

  func takeUpdate(_ request: [UInt8], _ key: UpdateSigner?, _ peer: Endpoint) -> DNSReply {
    guard let message = try? Message.decode(request) else { return Self.bare(request, .formErr) }
    do throws(ZoneUpdate.Refusal) {
      let update = try ZoneUpdate(message)
      let serial = try carryOut(update, key, peer)
      emit(
        .info, "zone updated", update.zone,
        [.init("key", .string(key?.description ?? "none")), .init("serial", .integer(Int64(serial)))], peer: peer)
      return Self.answer(message, .noError)
    } catch {
      emitRefusal(
        "zone update refused", message.questions.first?.name,
        [
          .init("key", .string(key?.description ?? "none")), .init("code", .string("\(error.code)")),
          .init("reason", .string(error.reason.description)),
        ], peer: peer)
      return Self.answer(message, error.code)
    }
  }

  private func carryOut(_ update: ZoneUpdate, _ key: UpdateSigner?, _ peer: Endpoint) throws(ZoneUpdate.Refusal)
    -> UInt32
  {
    guard secondary(update.zone) == nil else {
      throw ZoneUpdate.Refusal(.notAuth, "the zone is another server's")
    }
    guard server.servedZone(update.zone) != nil else { throw ZoneUpdate.Refusal(.notAuth, "no zone of ours") }
    let rules = state.withLock(\.configuration.updates)
    guard rules.contains(where: { $0.permits(update, peer.address, key) }) else {
      throw ZoneUpdate.Refusal(.refused, "no rule permits it")
    }
    let store = updateStore
    let zone = try server.changeUpdated(update.zone) {
      (served: Zone, own: [ResourceRecord]) throws(ZoneUpdate.Refusal) -> [ResourceRecord] in
      let after = try update.apply(to: served, own: own)
      guard after != own else { return own }
      do throws(StorageError) { try store.save(after, of: served) } catch {
        report(error)
        throw ZoneUpdate.Refusal(.servFail, "it can't be written to disk")
      }
      return after
    }
    guard let zone else { throw ZoneUpdate.Refusal(.notAuth, "no zone of ours") }
    return zone.soa.serial
  }

  // MARK: Replies

  /// Header and question of a request with a response code.
  static func answer(
    _ message: Message, _ code: ResponseCode, _ reason: UInt16? = nil
  ) -> DNSReply {
    var flags: Header.Flags = [.response]
    if message.header.opcode == .notify, code == .noError { flags.insert(.authoritative) }
    if message.header.flags.contains(.recursionDesired) { flags.insert(.recursionDesired) }
    var reply = Message(
      header: Header(id: message.header.id, flags: flags, opcode: message.header.opcode, responseCode: code),
      questions: message.questions)
    if message.edns != nil {
      reply.edns = EDNS(options: reason.map { [ExtendedError(code: $0).option] } ?? [])
    }
    return DNSReply(try? reply.encoded())
  }

  /// The answer to what can't be read: its header alone.
  static func bare(_ request: [UInt8], _ code: ResponseCode) -> DNSReply {
    guard request.count >= Header.wireLength else { return .none }
    var reply = Array(request.prefix(4)) + [UInt8](repeating: 0, count: 8)
    reply[2] = reply[2] & 0x79 | 0x80
    reply[3] = UInt8(truncatingIfNeeded: code.rawValue & 15)
    return .message(reply)
  }
}

/// A place among the transfers that may leave at once; given back when the answer has left, or the connection has ended.
private final class TransferPlace: Sendable {
  private let replication: ZoneReplication

  init(_ replication: ZoneReplication) { self.replication = replication }

  deinit { replication.state.withLock { $0.transfers -= 1 } }
}
