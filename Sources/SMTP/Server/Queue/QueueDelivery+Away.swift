import SASLCore
import SMTPClient
import SMTPCore
import Services
import WireKit

/// Deliveries to other servers: which ones, how safely, and what is learned of that.
extension QueueDelivery {
  /// Where a domain's mail goes, and what must hold on the way.
  struct Way {
    var targets: [SMTPClient.Target]
    var relay: SMTPServerConfiguration.Relay?
    /// What the domain demands (MTA-STS).
    var policy: MTASTSPolicy?
    /// Whether TLS there is of interest to the domain (TLS-RPT): not where a relay takes it all.
    var isReported = false
  }

  func deliverAway(_ configuration: SMTPServerConfiguration) async -> [Verdict] {
    let body: any MessageBody
    do throws(StoreError) { body = try await content() } catch { return all(.trouble) }
    let way: Way
    do throws(SMTPRouteFailure) {
      way = try await self.way(configuration)
    } catch {
      return all(SMTPReply(error.isPermanent ? 550 : 451, error.status, error.text))
    }
    var plan = plan(body, way.relay, configuration)
    if way.policy?.mode == .enforce || claim.message.requiresTLS, plan.security == .opportunistic {
      plan.security = .required
    }
    var last = all(SMTPReply(451, "4.4.1", "no server could be reached"))
    for target in way.targets.prefix(8) {
      if Task.isCancelled { break }
      if configuration.isLaboratory, !target.endpoint.address.isLoopback {
        return all(
          SMTPReply(451, "4.4.0", "this laboratory never sends anything off this machine (\(target.endpoint))"))
      }
      let outcome = await attempt(plan, target, way, body)
      let knowsDSN = outcome.capabilities.contains { $0.uppercased() == "DSN" }
      last = outcome.replies.map { Verdict(reply: $0, host: target.name, knowsDSN: knowsDSN) }
      // Only a server that could not be reached, or is not ready, makes the next one worth a try.
      if let failure = outcome.failure, failure.isTransient { continue }
      break
    }
    return last
  }

  /// One server; where TLS is not demanded, at last without it.
  private func attempt(
    _ plan: ClientPlan, _ target: SMTPClient.Target, _ way: Way, _ body: any MessageBody
  ) async -> DeliveryOutcome {
    let client = server.parts.client
    var target = target
    if plan.security == .required, way.relay == nil { target.verifies = true }
    // A policy that is only tested is tried as if it held, and its failure told (RFC 8461 §5).
    if way.policy?.mode == .testing { target.verifies = true }
    var outcome = await client.perform(plan, at: target, body: body)
    note(outcome, target, way)
    guard plan.security == .opportunistic else { return outcome }
    if target.verifies, way.relay == nil, let failure = outcome.failure, TLSReportBook.isTLS(failure) {
      target.verifies = false
      outcome = await client.perform(plan, at: target, body: body)
    }
    if let failure = outcome.failure, outcome.tlsVersion == nil, TLSReportBook.isTLS(failure) {
      // A server whose TLS is broken still gets its mail: opportunistic means no worse than without (RFC 7435 §3).
      var plain = plan
      plain.security = .never
      outcome = await client.perform(plain, at: target, body: body)
    }
    return outcome
  }

  /// For the report to the domain.
  private func note(_ outcome: DeliveryOutcome, _ target: SMTPClient.Target, _ way: Way) {
    guard way.isReported else { return }
    let type = outcome.failure.flatMap { TLSReportBook.type(of: $0) }
    // What failed for other reasons says nothing about TLS; and without a policy plain text is no failure.
    guard type != nil || outcome.tlsVersion != nil || way.policy != nil && outcome.failure == nil else { return }
    let isPlain = type == nil && outcome.tlsVersion == nil
    server.reports.note(
      .init(
        domain: claim.domain, policy: way.policy, server: target.name, address: "\(target.endpoint.address)",
        failure: isPlain ? "starttls-not-supported" : type, reason: outcome.failure?.text),
      now: context.clock.wallTime())
  }

  /// The servers to try, best first.
  private func way(_ configuration: SMTPServerConfiguration) async throws(SMTPRouteFailure) -> Way {
    if case .relay(let relay) = configuration.route { return try await way(by: relay) }
    if configuration.isLaboratory {
      throw SMTPRouteFailure(
        isPermanent: false, status: "4.4.0",
        "this laboratory never sends mail to other domains; give it smtp.relay.via = \"smtp://127.0.0.1:PORT\"")
    }
    let hosts = try await MailRouter(resolver: server.parts.resolver).hosts(of: claim.domain)
    var finding = TransportPolicies.Finding()
    if let policies = server.parts.policies, !claim.domain.hasPrefix("[") {
      finding = await policies.policy(of: claim.domain)
    }
    var way = Way(targets: [], policy: finding.policy?.mode == MTASTSPolicy.Mode.none ? nil : finding.policy)
    way.isReported = true
    if let failure = finding.failure {
      server.reports.note(
        .init(domain: claim.domain, policy: way.policy, server: "", address: "", failure: failure),
        now: context.clock.wallTime())
    }
    let permitted = hosts.filter { host in way.policy?.mode != .enforce || way.policy?.permits(host.name) == true }
    if permitted.isEmpty, !hosts.isEmpty {
      server.reports.note(
        .init(
          domain: claim.domain, policy: way.policy, server: hosts[0].name, address: "", failure: "validation-failure",
          reason: "not in the policy"), now: context.clock.wallTime())
      throw SMTPRouteFailure(
        isPermanent: false, status: "4.7.5",
        "none of the mail exchanges of \(claim.domain) stands in its MTA-STS policy (\(hosts[0].name) does not)")
    }
    way.targets = permitted.flatMap { host in
      host.addresses.map { SMTPClient.Target(Endpoint($0, configuration.remotePort), name: host.name, verifies: false) }
    }
    return way
  }

  private func way(by relay: SMTPServerConfiguration.Relay) async throws(SMTPRouteFailure) -> Way {
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
    return Way(
      targets: addresses.map { .init(Endpoint($0, relay.port), name: relay.host, verifies: verifies) }, relay: relay)
  }

  private func plan(
    _ body: any MessageBody, _ relay: SMTPServerConfiguration.Relay?, _ configuration: SMTPServerConfiguration
  ) -> ClientPlan {
    let message = claim.message
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
    plan.keepsConnection = true
    if let relay, let user = relay.user, let password = relay.password {
      plan.credential = .password(name: user, SASLSecret(password.withBytes { $0 }))
      plan.nonce = MailToken.random()
      plan.allowsPlaintextLogIn = IPAddress(relay.host)?.isLoopback == true
    }
    return plan
  }

  private var parameters: MailParameters {
    let message = claim.message
    var parameters = MailParameters()
    parameters.isUTF8 = message.isUTF8
    parameters.returns = message.returns.flatMap { MailParameters.Return(rawValue: $0) }
    parameters.envelopeID = message.envelopeID
    parameters.requiresTLS = message.requiresTLS
    if message.priority != 0 { parameters.priority = message.priority }
    if let end = message.deliverBy, let text = message.deliverByMode,
      let mode = DeliverBy.Mode(rawValue: String(text.prefix(1)))
    {
      let left = end.seconds - context.clock.wallTime().seconds
      parameters.deliverBy = DeliverBy(
        seconds: mode == .returned ? max(1, left) : left, mode: mode, traces: text.count > 1)
    }
    return parameters
  }
}
