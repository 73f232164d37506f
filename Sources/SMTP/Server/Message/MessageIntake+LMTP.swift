import SMTPCore
import Services

/// LMTP (RFC 2033): each recipient has an answer of its own, and whoever sends keeps what was not taken.
extension MessageIntake {
  func keepForEach(_ message: PreparedMessage, _ configuration: SMTPServerConfiguration) async -> [SMTPReply] {
    var leads: [[Lead]] = []
    for recipient in envelope.recipients {
      do throws(ServiceUnavailable) {
        guard case .destinations(let found) = try await server.directory.resolve(recipient.address, configuration)
        else {
          leads.append([])
          continue
        }
        leads.append(found.map { Lead(recipient: recipient, destination: $0) })
      } catch { return [.trouble] }
    }
    var accounts: [LocalDelivery.Recipient] = []
    for lead in leads.joined() {
      if case .account(let account) = lead.destination, !accounts.contains(where: { $0.account == account }) {
        accounts.append(.init(account: account, address: lead.recipient.address))
      }
    }
    let outcomes =
      accounts.isEmpty
      ? []
      : await server.delivery.deliver(
        message, returnPath: envelope.sender.description, to: accounts, isSuspicious: false, configuration)
    var refusals: [String: SMTPReply] = [:]
    for (account, outcome) in zip(accounts, outcomes) {
      if case .refused(let reply) = outcome { refusals[account.account] = reply }
    }
    server.count { $0.delivered += UInt64(accounts.count - refusals.count) }
    server.wake()
    var replies: [SMTPReply] = []
    for group in leads { replies.append(await reply(to: group, message, refusals, configuration)) }
    await notifyOfSuccess(message, Array(leads.joined()), Array(refusals.keys), configuration)
    return replies
  }

  /// What became of one recipient: all of its destinations have it, or the first trouble.
  private func reply(
    to leads: [Lead], _ message: PreparedMessage, _ refusals: [String: SMTPReply],
    _ configuration: SMTPServerConfiguration
  ) async -> SMTPReply {
    guard !leads.isEmpty else { return .unknownMailbox }
    let remote = leads.compactMap { lead -> (Envelope.Recipient, String)? in
      if case .remote(let address) = lead.destination { (lead.recipient, address.description) } else { nil }
    }
    if !remote.isEmpty, await enqueue(message, remote, 0, configuration, isPassedOn: true) == nil { return .trouble }
    for lead in leads {
      if case .account(let account) = lead.destination, let refusal = refusals[account] { return refusal }
    }
    return kept
  }
}
