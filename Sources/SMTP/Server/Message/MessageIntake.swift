import NIOCore
import SMTPCore
import Services
import Transport
import WireKit

/// Takes one message: collects it, judges it, writes its header, and keeps it where it belongs.
struct MessageIntake: Sendable {
  /// Received fields with which a message has gone in circles (RFC 5321 §6.3 wants 100 at least).
  static let maximumHops = 100

  let server: SMTPServer
  let connection: Connection
  var envelope: Envelope
  let client: ServerRequest.Client
  private let id = MailToken.random()

  init(server: SMTPServer, connection: Connection, envelope: Envelope, client: ServerRequest.Client) {
    self.server = server
    self.connection = connection
    self.envelope = envelope
    self.client = client
  }

  private var context: ServerContext { server.parts.context }

  /// The answer to the end of the message: positive only once it is kept for good.
  func take(_ body: RequestBody) async -> SMTPReply { await takeForEach(body)[0] }

  /// The same, with an answer for each recipient where it came by LMTP; else one for all.
  func takeForEach(_ body: RequestBody) async -> [SMTPReply] {
    let configuration = server.configuration
    let message: CollectedMessage
    do {
      message = try await CollectedMessage.collect(body, into: server.parts.store)
    } catch let error as StoreError {
      return [LocalDelivery.reply(to: error)]
    } catch {
      return [.trouble]
    }
    guard message.header.all("received").count < Self.maximumHops else {
      return [SMTPReply(554, "5.4.6", "The message has gone in circles")]
    }
    var findings = PolicyFindings()
    let isLMTP = connection.service == .lmtp
    if client.account == nil, !isLMTP {
      findings = await ReceivingPolicy(server: server).judge(message, envelope, client, connection)
      if let refusal = findings.refusal {
        tell("message refused", [.init("reason", .string(refusal.description))])
        return [refusal]
      }
    }
    var intake = self
    var judged = message
    if !configuration.milters.isEmpty, !isLMTP {
      let chain = MilterChain(
        milters: configuration.milters, passesOnFailure: configuration.milterFailurePasses,
        hostname: configuration.hostname)
      let outcome = await chain.judge(message, envelope, client, connection, id: id, clientName: nil)
      for failure in outcome.failures { tell("a milter failed", [.init("reason", .string(failure))]) }
      if let reply = outcome.reply {
        tell("message settled by a milter", [.init("reply", .string(reply.description))])
        return [reply]
      }
      judged = outcome.message
      intake.envelope = outcome.envelope
      findings.isSuspicious = findings.isSuspicious || outcome.isSuspicious
      if outcome.envelope.recipients.isEmpty { return [kept] }
    }
    return await intake.finish(judged, findings, configuration)
  }

  /// Writes its header, and keeps it.
  private func finish(
    _ message: CollectedMessage, _ findings: PolicyFindings, _ configuration: SMTPServerConfiguration
  ) async -> [SMTPReply] {
    var prepared = await prepare(message, findings, configuration)
    if let signer = server.parts.signer, findings.spf != nil {
      prepared.sealing = ARCSealing(
        signer: signer, hostname: configuration.hostname, results: findings.results,
        found: findings.arc?.result ?? .none)
    }
    let replies =
      connection.service == .lmtp
      ? await keepForEach(prepared, configuration)
      : [await keep(prepared, isSuspicious: findings.isSuspicious, configuration)]
    server.count { $0.received += 1 }
    tell(
      "message taken",
      [
        .init("id", .string(id)), .init("from", .string(envelope.sender.description)),
        .init("recipients", .integer(Int64(envelope.recipients.count))), .init("size", .bytes(prepared.size)),
        .init("reply", .string(Set(replies.map(\.description)).sorted().joined(separator: "; "))),
      ])
    return replies
  }

  private func tell(_ message: StaticString, _ fields: [Event.Field]) {
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: .info, message: message, service: connection.service,
        session: connection.id, peer: connection.peer, account: client.account, fields: fields))
  }

  // MARK: Header

  private func prepare(
    _ message: CollectedMessage, _ findings: PolicyFindings, _ configuration: SMTPServerConfiguration
  ) async -> PreparedMessage {
    let now = context.clock.wallTime()
    var fields = message.header.fields
    // Nobody else may speak in our name (RFC 8601 §5); and Return-Path is the last server's to write (RFC 5321 §4.4).
    fields.removeAll { field in
      field.name == "return-path"
        || field.name == "authentication-results" && Self.authority(of: field) == configuration.hostname.lowercased()
    }
    if client.account != nil {
      if !fields.contains(where: { $0.name == "date" }) {
        fields.insert(Self.field("Date: \(MailDate.text(now))"), at: 0)
      }
      if !fields.contains(where: { $0.name == "message-id" }) {
        fields.insert(Self.field("Message-ID: <\(id)@\(configuration.hostname)>"), at: 0)
      }
      fields.removeAll { $0.name == "bcc" }
    }
    var head: [UInt8] = []
    if client.account != nil, let signer = server.parts.signer {
      head += await signer.signatures(fields, body: message.body, from: Int64(message.header.bodyStart), now: now)
    }
    head = Array(received(now, configuration).utf8) + Array(findings.header(by: configuration.hostname).utf8) + head
    head += fields.flatMap(\.bytes)
    head += [0x0D, 0x0A]
    return PreparedMessage(
      head: head, body: message.body, bodyStart: Int64(message.header.bodyStart), isEightBit: message.isEightBit)
  }

  private static func authority(of field: HeaderBlock.Field) -> String {
    field.value.prefix { $0 != ";" && $0 != " " }.lowercased()
  }

  static func field(_ text: String) -> HeaderBlock.Field {
    HeaderBlock.Field(name: text.prefix { $0 != ":" }.lowercased(), bytes: Array("\(text)\r\n".utf8))
  }

  /// The trace (RFC 5321 §4.4). Where people send from is nobody's business but their own server's: their address stays out.
  private func received(_ now: WallTime, _ configuration: SMTPServerConfiguration) -> String {
    var kind = client.isExtended ? "ESMTP" : "SMTP"
    if envelope.parameters.isUTF8 { kind = "UTF8SMTP" }
    if connection.service == .lmtp { kind = envelope.parameters.isUTF8 ? "UTF8LMTP" : "LMTP" }
    if connection.isEncrypted { kind += "S" }
    if client.account != nil { kind += "A" }
    let source =
      client.account == nil
      ? "from \(Self.atom(client.helloName)) (\(Self.literal(connection.peer.address)))" : "from an account here"
    let tls = connection.tls.map { " (\($0.version))" } ?? ""
    let recipient = envelope.recipients.count == 1 ? "\r\n\tfor <\(envelope.recipients[0].address)>" : ""
    return
      "Received: \(source)\r\n\tby \(configuration.hostname) (Portside) with \(kind)\(tls) id \(id)\(recipient);\r\n\t"
      + "\(MailDate.text(now))\r\n"
  }

  /// A client's own name for itself, in a form that can't be taken for anything else in the field.
  private static func atom(_ name: String) -> String {
    String(name.unicodeScalars.map { "();,<>@\\\" ".unicodeScalars.contains($0) ? "_" : Character($0) }.prefix(100))
  }

  private static func literal(_ address: IPAddress) -> String {
    address.family == .v4 ? "[\(address)]" : "[IPv6:\(address)]"
  }

  // MARK: Keeping

  /// Where one recipient of the envelope leads.
  struct Lead {
    var recipient: Envelope.Recipient
    var destination: RecipientDirectory.Destination
  }

  private func keep(
    _ message: PreparedMessage, isSuspicious: Bool, _ configuration: SMTPServerConfiguration
  ) async -> SMTPReply {
    var leads: [Lead] = []
    for recipient in envelope.recipients {
      do throws(ServiceUnavailable) {
        guard case .destinations(let found) = try await server.directory.resolve(recipient.address, configuration)
        else { continue }
        leads += found.map { Lead(recipient: recipient, destination: $0) }
      } catch { return .trouble }
    }
    var accounts: [LocalDelivery.Recipient] = []
    for lead in leads {
      if case .account(let account) = lead.destination, !accounts.contains(where: { $0.account == account }) {
        accounts.append(.init(account: account, address: lead.recipient.address))
      }
    }
    let hold = envelope.parameters.holdSeconds ?? 0
    if hold > 0 {
      // What shall wait waits in the queue, whoever it is for.
      return await enqueue(message, leads.map { ($0.recipient, Self.address(of: $0.destination)) }, hold, configuration)
        .map { _ in kept } ?? .trouble
    }
    var queued: QueueID?
    // Mail for an address here that leads away is passed on in our own name.
    for isPassedOn in [false, true] {
      let remote = leads.compactMap { lead -> (Envelope.Recipient, String)? in
        guard case .remote(let address) = lead.destination,
          configuration.isLocal(lead.recipient.address.domain) == isPassedOn
        else { return nil }
        return (lead.recipient, address.description)
      }
      guard !remote.isEmpty else { continue }
      queued = await enqueue(message, remote, 0, configuration, isPassedOn: isPassedOn)
      guard queued != nil else { return .trouble }
    }
    guard !accounts.isEmpty else { return queued == nil ? .unknownMailbox : kept }
    return await deliver(message, leads, accounts, isSuspicious, hasQueued: queued != nil, configuration)
  }

  static func address(of destination: RecipientDirectory.Destination) -> String {
    switch destination {
    case .account(let account): account
    case .remote(let address): address.description
    }
  }

  var kept: SMTPReply { SMTPReply(250, "2.0.0", "Kept as \(id)") }

  /// Into the mailboxes. What fails for some, while others have it already, is tried again from the queue: the sender's
  /// server must not send it all again.
  private func deliver(
    _ message: PreparedMessage, _ leads: [Lead], _ accounts: [LocalDelivery.Recipient], _ isSuspicious: Bool,
    hasQueued: Bool,
    _ configuration: SMTPServerConfiguration
  ) async -> SMTPReply {
    let outcomes = await server.delivery.deliver(
      message, returnPath: envelope.sender.description, to: accounts, isSuspicious: isSuspicious,
      configuration)
    server.wake()
    var failed: [(account: String, reply: SMTPReply)] = []
    for (account, outcome) in zip(accounts, outcomes) {
      if case .refused(let reply) = outcome { failed.append((account.account, reply)) }
    }
    let delivered = accounts.count - failed.count
    server.count { $0.delivered += UInt64(delivered) }
    if delivered == 0, !hasQueued { return failed.first?.reply ?? .trouble }
    let again = leads.filter { lead in
      guard case .account(let account) = lead.destination else { return false }
      return failed.contains { $0.account == account }
    }
    if !again.isEmpty {
      let rest = again.map { ($0.recipient, Self.address(of: $0.destination)) }
      guard await enqueue(message, rest, 0, configuration) != nil else { return .trouble }
    }
    await notifyOfSuccess(message, leads, failed.map(\.account), configuration)
    return kept
  }

  func enqueue(
    _ message: PreparedMessage, _ recipients: [(Envelope.Recipient, String)], _ hold: Int64,
    _ configuration: SMTPServerConfiguration, isPassedOn: Bool = false
  ) async -> QueueID? {
    let now = context.clock.wallTime()
    let seal = isPassedOn ? (recipients.first?.0.address).map { message.seal(for: $0, now: now) } ?? [] : []
    let sender = isPassedOn ? passingSender(recipients.first?.0.address.domain, configuration, now) : envelope.sender
    let queued = recipients.compactMap { recipient, text -> QueuedRecipient? in
      guard let address = MailAddress(text) else { return nil }
      let parameters = recipient.parameters
      return QueuedRecipient(
        address: address.description, domain: address.domain.lowercased(),
        original: parameters.original ?? "rfc822;\(recipient.address)", notify: parameters.notify?.rawValue,
        nextAttempt: now + .seconds(hold))
    }
    let addition = QueueAddition(
      QueuedMessage(
        sender: sender.description, created: now, expires: now + .seconds(hold) + configuration.queueTime,
        isEightBit: message.isEightBit, isUTF8: envelope.parameters.isUTF8,
        returns: envelope.parameters.returns?.rawValue, envelopeID: envelope.parameters.envelopeID,
        account: client.account, priority: priority(configuration), requiresTLS: envelope.parameters.requiresTLS,
        deliverBy: envelope.parameters.deliverBy.map { now + .seconds($0.seconds) },
        deliverByMode: envelope.parameters.deliverBy.map { $0.mode.rawValue + ($0.traces ? "T" : "") },
        recipients: queued),
      head: seal + message.head, body: message.body, range: message.range)
    do throws(StoreError) {
      let id = try await server.parts.queue.add(addition)
      server.count { $0.queued += 1 }
      server.wake()
      return id
    } catch {
      tell("the queue failed", [.init("error", .string(error.description))])
      return nil
    }
  }

  /// Strangers don't come before our own people (RFC 6710 §5).
  private func priority(_ configuration: SMTPServerConfiguration) -> Int {
    let wanted = envelope.parameters.priority ?? 0
    return client.account != nil || configuration.mayRelay(connection.peer.address) ? wanted : min(0, wanted)
  }

  private func passingSender(
    _ domain: String?, _ configuration: SMTPServerConfiguration, _ now: WallTime
  ) -> ReversePath {
    guard let address = envelope.sender.address, !configuration.isLocal(address.domain), let domain,
      let rewritten = server.parts.rewriting?.rewrite(address, at: domain, now: now)
    else { return envelope.sender }
    return .address(rewritten)
  }

  /// Delivered, to who asked to hear of that (RFC 3461 §5.2.1).
  func notifyOfSuccess(
    _ message: PreparedMessage, _ leads: [Lead], _ failed: [String], _ configuration: SMTPServerConfiguration
  ) async {
    let now = context.clock.wallTime()
    let findings = leads.compactMap { lead -> DeliveryNotice.Finding? in
      guard case .account(let account) = lead.destination, !failed.contains(account),
        lead.recipient.parameters.notify?.contains(.success) == true
      else { return nil }
      return DeliveryNotice.Finding(
        recipient: QueuedRecipient(
          address: lead.recipient.address.description, domain: lead.recipient.address.domain,
          original: lead.recipient.parameters.original, nextAttempt: now),
        action: .delivered, reply: "250 2.1.5 delivered to the mailbox", host: nil)
    }
    guard !findings.isEmpty else { return }
    let original = QueuedMessage(
      sender: envelope.sender.description, created: now, expires: now + configuration.queueTime,
      returns: "HDRS", envelopeID: envelope.parameters.envelopeID, recipients: [])
    let notice = DeliveryNotice(hostname: configuration.hostname, message: original, findings: findings, now: now)
    guard let addition = notice.addition(content: MemoryBody(message.head), queueTime: configuration.queueTime) else {
      return
    }
    if (try? await server.parts.queue.add(addition)) != nil { server.wake() }
  }
}
