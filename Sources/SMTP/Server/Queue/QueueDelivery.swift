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
  struct Verdict {
    var reply: SMTPReply
    var host: String?
    /// Whether the next server knows of DSN, and takes over telling the sender.
    var knowsDSN = false
    var isLocal = false
  }

  var context: ServerContext { server.parts.context }

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

  func all(_ reply: SMTPReply, host: String? = nil) -> [Verdict] {
    claim.recipients.map { _ in Verdict(reply: reply, host: host) }
  }

  func content() async throws(StoreError) -> any MessageBody {
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
    // Too late counts as too late, whatever the last answer was (RFC 2852 §4.1.4).
    let isTooLate = isReturned && now >= claim.message.deliverBy ?? now + .seconds(1)
    if verdict.reply.isPermanent || isTooLate || now >= claim.message.expires {
      server.count { $0.bounced += 1 }
      return (.done, wantsFailure ? .failed : nil)
    }
    let wantsDelay = notify.map { $0.contains(.delay) } ?? true
    let isLate =
      now - claim.message.created >= RetrySchedule.delayNotice
      || !isReturned && now >= claim.message.deliverBy ?? now + .seconds(1)
    let tells = isLate && wantsDelay && !recipient.isDelayTold
    var next = min(RetrySchedule.next(attempts: recipient.attempts, now: now), claim.message.expires)
    if let end = claim.message.deliverBy, end > now { next = min(next, end) }
    return (.retry(at: next, isDelayTold: recipient.isDelayTold || tells), tells ? .delayed : nil)
  }

  /// Whether it goes back when its time is over.
  private var isReturned: Bool { claim.message.deliverByMode?.hasPrefix("R") == true }

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
