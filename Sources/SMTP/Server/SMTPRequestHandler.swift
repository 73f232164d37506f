import NIOCore
import SASLCore
import SASLServer
import SMTPCore
import Services
import Transport
import WireKit

/// Answers what sessions ask: log-ins, senders, recipients, messages.
public struct SMTPRequestHandler: RequestHandler {
  public typealias Request = ServerRequest
  public typealias Reply = ServerAnswer
  public typealias Body = Never
  public typealias Event = SMTPEvent

  let server: SMTPServer

  private var context: ServerContext { server.parts.context }

  public func handle(_ request: ServerRequest, body: RequestBody, on connection: Connection) async -> ServerAnswer {
    let configuration = server.configuration
    if let code = fault(request, configuration) {
      if code == 0 { return .silence }
      return .reply(LaboratoryRecipients.reply(code))
    }
    switch request {
    case .authenticate(let question):
      let judge = SASLJudge(
        accounts: context.accounts, service: connection.service, peer: connection.peer,
        isEncrypted: connection.isEncrypted)
      return .sasl(await judge.answer(question).answer)
    case .sender(let sender, let parameters, let client):
      return .reply(await judge(sender, parameters, client, connection, configuration))
    case .recipient(let recipient, let sender, let client):
      return await judge(recipient, from: sender, client, connection, configuration)
    case .postmaster:
      let domain = configuration.domains.sorted().first ?? configuration.hostname
      guard let address = MailAddress("postmaster@\(domain)") else { return .reply(.unknownMailbox) }
      let answer = await judge(.init(address), from: .null, nil, connection, configuration)
      guard case .reply(let reply) = answer, reply.isPositive else { return answer }
      return .postmaster(address)
    case .message(let envelope, let client):
      let intake = MessageIntake(server: server, connection: connection, envelope: envelope, client: client)
      // LMTP tells of each recipient on its own (RFC 2033 §4.2).
      return connection.service == .lmtp ? .replies(await intake.takeForEach(body)) : .reply(await intake.take(body))
    }
  }

  /// A forced answer of a laboratory; 0 for none at all.
  private func fault(_ request: ServerRequest, _ configuration: SMTPServerConfiguration) -> Int? {
    guard !configuration.faults.isEmpty else { return nil }
    switch request {
    case .authenticate: return nil
    case .sender: return configuration.faults["mail"]
    case .recipient, .postmaster: return configuration.faults["rcpt"]
    case .message: return configuration.faults["data"]
    }
  }

  // MARK: Senders

  private func judge(
    _ sender: ReversePath, _ parameters: MailParameters, _ client: ServerRequest.Client, _ connection: Connection,
    _ configuration: SMTPServerConfiguration
  ) async -> SMTPReply {
    if connection.service == .lmtp, !configuration.isTrusted(connection.peer.address) { return .notTrusted }
    guard let account = client.account else { return .senderOK }
    // A notification by a mail program (RFC 8098 §3) has no sender.
    guard let address = sender.address else { return .senderOK }
    do throws(ServiceUnavailable) {
      if try await server.directory.owner(of: address)?.account == account { return .senderOK }
      if configuration.aliases[address.normalised]?.contains(account) == true { return .senderOK }
      return SMTPReply(553, "5.7.1", "The sender's address is not yours")
    } catch { return .trouble }
  }

  // MARK: Recipients

  private func judge(
    _ recipient: Envelope.Recipient, from sender: ReversePath, _ client: ServerRequest.Client?,
    _ connection: Connection, _ configuration: SMTPServerConfiguration
  ) async -> ServerAnswer {
    let address = recipient.address
    if configuration.isLaboratory, let trick = LaboratoryRecipients.trick(for: address) {
      switch trick {
      case .reply(let reply): return .reply(reply)
      case .silence: return .silence
      }
    }
    do throws(ServiceUnavailable) {
      guard configuration.isLocal(address.domain) else {
        let mayRelay = client?.account != nil || configuration.mayRelay(connection.peer.address)
        return .reply(mayRelay ? .recipientOK : SMTPReply(550, "5.7.1", "Mail for that domain is not taken here"))
      }
      switch try await server.directory.resolve(address, configuration) {
      case .unknown: return .reply(.unknownMailbox)
      case .disabled: return .reply(SMTPReply(550, "5.2.1", "That mailbox takes no mail"))
      case .destinations(let destinations):
        if let reply = await Gatekeeper(server: server).obstacle(recipient, from: sender, client, connection) {
          return .reply(reply)
        }
        return .reply(await room(for: destinations) ? .recipientOK : SMTPReply(452, "4.2.2", "The mailbox is full"))
      }
    } catch { return .reply(.trouble) }
  }

  /// Whether the mailbox has room, where it is one alone: told while the sender can still be told by its own server.
  private func room(for destinations: [RecipientDirectory.Destination]) async -> Bool {
    guard destinations.count == 1, case .account(let account) = destinations[0],
      let quota = try? await server.parts.store.quota(of: account)
    else { return true }
    return quota.allows(bytes: 1, messages: 1)
  }

  // MARK: Events

  public func report(_ event: SMTPEvent, on connection: Connection) {
    switch event {
    case .received(let line): conversation(.received, line, connection)
    case .sent(let reply):
      if reply.isPermanent || reply.isTransient { server.count { $0.refused += 1 } }
      conversation(.sent, reply.description, connection)
    case .loggedIn(let account): context.sessions.update(connection.id, account: account)
    case .logInFailed(let failure):
      tell("log-in failed", .info, connection, [.init("reason", .string("\(failure)"))])
    case .foreignProtocol: tell("another protocol was spoken", .notice, connection)
    case .bareLineEnd: tell("a bare CR or LF was refused", .notice, connection)
    case .tooManyErrors: tell("too many errors", .notice, connection)
    case .timedOut: tell("timed out", .info, connection)
    case .leftWithoutLogIn:
      context.penalties.report(.noauth, by: connection.peer.address, service: connection.service)
    }
  }

  private func conversation(_ direction: Services.Event.Direction, _ wire: String, _ connection: Connection) {
    guard context.events.isWatched(connection.service) else { return }
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: .debug, kind: .conversation(direction, wire: wire, meaning: ""),
        message: "SMTP", service: connection.service, session: connection.id, peer: connection.peer))
  }

  private func tell(
    _ message: StaticString, _ severity: Services.Event.Severity, _ connection: Connection,
    _ fields: [Services.Event.Field] = []
  ) {
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: severity, message: message, service: connection.service,
        session: connection.id, peer: connection.peer, fields: fields))
  }
}

extension SMTPReply {
  static let notTrusted = SMTPReply(550, "5.7.1", "LMTP is for the machines of smtp.relay.allow")
  static let senderOK = SMTPReply(250, "2.1.0", "Sender OK")
  static let recipientOK = SMTPReply(250, "2.1.5", "Recipient OK")
  static let unknownMailbox = SMTPReply(550, "5.1.1", "There is no such mailbox here")
}
