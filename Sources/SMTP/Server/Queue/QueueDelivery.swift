import SASLCore
import SMTPClient
import SMTPCore
import Services
import WireKit

/// One attempt to deliver what was claimed: finds the servers, tries them in turn, and notes what came of it.
struct QueueDelivery: Sendable {
  let server: SMTPServer
  let claim: QueueClaim

  /// What settles one recipient.
  private struct Verdict {
    var reply: SMTPReply
    var host: String?
    /// Whether the next server knows of DSN, and takes over telling the sender.
    var knowsDSN = false
    var isLocal = false
  }

  private var context: ServerContext { server.parts.context }

  func run() async {
    let configuration = server.configuration
    let verdicts: [Verdict]
    if configuration.isLocal(claim.domain) {
      verdicts = await deliverHere(configuration)
    } else {
      verdicts = await deliverAway(configuration)
    }
    await settle(verdicts, configuration)
  }

  private func all(_ reply: SMTPReply, host: String? = nil) -> [Verdict] {
    claim.recipients.map { _ in Verdict(reply: reply, host: host) }
  }

  private func content() async throws(StoreError) -> any MessageBody {
    try await server.parts.queue.content(of: claim.message.id)
  }

  // MARK: Here

  private func deliverHere(_ configuration: SMTPServerConfiguration) async -> [Verdict] {
    let body: any MessageBody
    do throws(StoreError) { body = try await content() } catch { return all(.trouble) }
    var verdicts: [Verdict] = []
    let message = PreparedMessage(head: [], body: body, bodyStart: 0, isEightBit: claim.message.isEightBit)
    for recipient in claim.recipients {
      guard let address = MailAddress(recipient.address),
        let owner = try? await server.directory.owner(of: address)
      else {
        verdicts.append(Verdict(reply: .unknownMailbox, isLocal: true))
        continue
      }
      let outcome = await server.delivery.deliver(
        message, returnPath: claim.message.sender, to: [.init(account: owner.account, address: address)],
        isSuspicious: false, configuration)
      switch outcome.first {
      case .delivered: verdicts.append(Verdict(reply: SMTPReply(250, "2.1.5", "delivered"), isLocal: true))
      case .refused(let reply): verdicts.append(Verdict(reply: reply, isLocal: true))
      case nil: verdicts.append(Verdict(reply: .trouble, isLocal: true))
      }
    }
    return verdicts
  }

  // MARK: Away

  private func deliverAway(_ configuration: SMTPServerConfiguration) async -> [Verdict] {
    let body: any MessageBody
    do throws(StoreError) { body = try await content() } catch { return all(.trouble) }
    let targets: [SMTPClient.Target]
    let relay: SMTPServerConfiguration.Relay?
    do throws(SMTPRouteFailure) {
      (targets, relay) = try await route(configuration)
    } catch {
      return all(SMTPReply(error.isPermanent ? 550 : 451, error.status, error.text))
    }
    let plan = plan(body, relay, configuration)
    var last = all(SMTPReply(451, "4.4.1", "no server could be reached"))
    for target in targets.prefix(8) {
      if Task.isCancelled { break }
      if configuration.isLaboratory, !target.endpoint.address.isLoopback {
        return all(
          SMTPReply(451, "4.4.0", "this laboratory never sends anything off this machine (\(target.endpoint))"))
      }
      var outcome = await attempt(plan, target, relay, body)
      if let failure = outcome.failure, plan.security == .opportunistic, outcome.tlsVersion == nil,
        failure.enhanced == "4.4.1", failure.text.contains("TLS") || failure.text.contains("SSL")
      {
        // A server whose TLS is broken still gets its mail: opportunistic means no worse than without (RFC 7435 §3).
        var plain = plan
        plain.security = .never
        outcome = await attempt(plain, target, relay, body)
      }
      let knowsDSN = outcome.capabilities.contains { $0.uppercased() == "DSN" }
      last = outcome.replies.map { Verdict(reply: $0, host: target.name, knowsDSN: knowsDSN) }
      // Only a server that could not be reached, or is not ready, makes the next one worth a try.
      if let failure = outcome.failure, failure.isTransient { continue }
      break
    }
    return last
  }

  private func attempt(
    _ plan: ClientPlan, _ target: SMTPClient.Target, _ relay: SMTPServerConfiguration.Relay?, _ body: any MessageBody
  ) async -> DeliveryOutcome {
    await server.parts.client.perform(plan, at: target, body: body)
  }

  /// The servers to try, best first.
  private func route(
    _ configuration: SMTPServerConfiguration
  ) async throws(SMTPRouteFailure) -> (targets: [SMTPClient.Target], relay: SMTPServerConfiguration.Relay?) {
    switch configuration.route {
    case .relay(let relay):
      let addresses: [IPAddress]
      if let address = IPAddress(relay.host) {
        addresses = [address]
      } else {
        do throws(MailResolverError) { addresses = try await server.parts.resolver.addresses(of: relay.host) } catch {
          throw SMTPRouteFailure(
            isPermanent: false, status: "4.4.3", "the relay \(relay.host) has no address: \(error)")
        }
      }
      let verifies = relay.security == .required || relay.security == .implicit
      return (
        addresses.map { .init(Endpoint($0, relay.port), name: relay.host, verifies: verifies) }, relay
      )
    case .direct:
      if configuration.isLaboratory {
        throw SMTPRouteFailure(
          isPermanent: false, status: "4.4.0",
          "this laboratory never sends mail to other domains; give it smtp.relay.via = \"smtp://127.0.0.1:PORT\"")
      }
      let hosts = try await MailRouter(resolver: server.parts.resolver).hosts(of: claim.domain)
      let targets = hosts.flatMap { host in
        host.addresses.map { SMTPClient.Target(Endpoint($0, 25), name: host.name, verifies: false) }
      }
      return (targets, nil)
    }
  }

  private func plan(
    _ body: any MessageBody, _ relay: SMTPServerConfiguration.Relay?, _ configuration: SMTPServerConfiguration
  ) -> ClientPlan {
    let message = claim.message
    var parameters = MailParameters()
    parameters.isUTF8 = message.isUTF8
    parameters.returns = message.returns.flatMap { MailParameters.Return(rawValue: $0) }
    parameters.envelopeID = message.envelopeID
    let sender = MailAddress(message.sender).map { ReversePath.address($0) } ?? .null
    let recipients = claim.recipients.compactMap { recipient -> Envelope.Recipient? in
      guard let address = MailAddress(recipient.address) else { return nil }
      var parameters = RecipientParameters()
      parameters.notify = recipient.notify.map { RecipientParameters.Notify(rawValue: $0) }
      parameters.original = recipient.original
      return Envelope.Recipient(address, parameters)
    }
    var plan = ClientPlan(
      helloName: configuration.hostname, security: relay?.security ?? .opportunistic,
      envelope: Envelope(sender: sender, parameters: parameters, recipients: recipients), size: body.size,
      isEightBit: message.isEightBit)
    if let relay, let user = relay.user, let password = relay.password {
      plan.credential = .password(name: user, SASLSecret(password.withBytes { $0 }))
      plan.nonce = MailToken.random()
      plan.allowsPlaintextLogIn = IPAddress(relay.host)?.isLoopback == true
    }
    return plan
  }

  // MARK: What came of it

  private func settle(_ verdicts: [Verdict], _ configuration: SMTPServerConfiguration) async {
    let now = context.clock.wallTime()
    var results: [QueueResult] = []
    var findings: [DeliveryNotice.Action: [DeliveryNotice.Finding]] = [:]
    for (recipient, verdict) in zip(claim.recipients, verdicts) {
      let (state, action) = judge(recipient, verdict, now)
      results.append(
        QueueResult(number: recipient.number, state: state, reply: verdict.reply.description, host: verdict.host))
      if let action {
        findings[action, default: []].append(
          .init(recipient: recipient, action: action, reply: verdict.reply.description, host: verdict.host))
      }
      tell(recipient, verdict, state)
    }
    var notices: [QueueAddition] = []
    if !findings.isEmpty, let body = try? await content() {
      notices = findings.values.compactMap { findings in
        DeliveryNotice(hostname: configuration.hostname, message: claim.message, findings: findings, now: now)
          .addition(content: body, queueTime: configuration.queueTime)
      }
    }
    do throws(StoreError) {
      try await server.parts.queue.settle(claim, results, notices: notices)
      if !notices.isEmpty { server.wake() }
    } catch {
      context.events.emit(
        Event(
          time: now, severity: .error, message: "what came of a delivery could not be noted", service: .smtp,
          fields: [.init("error", .string(error.description))]))
    }
  }

  /// What becomes of a recipient, and what its sender is told (RFC 3461 §5.2).
  private func judge(
    _ recipient: QueuedRecipient, _ verdict: Verdict, _ now: WallTime
  ) -> (QueueResult.State, DeliveryNotice.Action?) {
    let notify = recipient.notify.map { RecipientParameters.Notify(rawValue: $0) }
    if verdict.reply.isPositive {
      server.count { if verdict.isLocal { $0.delivered += 1 } else { $0.sent += 1 } }
      guard notify?.contains(.success) == true, !verdict.knowsDSN else { return (.done, nil) }
      return (.done, verdict.isLocal ? .delivered : .relayed)
    }
    let wantsFailure = notify.map { $0.contains(.failure) } ?? true
    if verdict.reply.isPermanent || now >= claim.message.expires {
      server.count { $0.bounced += 1 }
      return (.done, wantsFailure ? .failed : nil)
    }
    let wantsDelay = notify.map { $0.contains(.delay) } ?? true
    let isLate = now - claim.message.created >= RetrySchedule.delayNotice
    let tells = isLate && wantsDelay && !recipient.isDelayTold
    let next = min(RetrySchedule.next(attempts: recipient.attempts, now: now), claim.message.expires)
    return (.retry(at: next, isDelayTold: recipient.isDelayTold || tells), tells ? .delayed : nil)
  }

  private func tell(_ recipient: QueuedRecipient, _ verdict: Verdict, _ state: QueueResult.State) {
    let message: StaticString =
      if verdict.reply.isPositive { "delivered" } else if state == .done { "given up" } else { "delivery is put off" }
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: .info, message: message, service: .smtp,
        account: claim.message.account,
        fields: [
          .init("queue", .string(claim.message.id.description)), .init("to", .string(recipient.address)),
          .init("host", .string(verdict.host ?? "here")), .init("reply", .string(verdict.reply.description)),
        ]))
  }
}
