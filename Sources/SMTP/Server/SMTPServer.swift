import SMTPClient
import SMTPCore
import Services
import Synchronization
import Transport
import WireKit

/// A mail server: takes messages on any number of listeners, keeps them in mailboxes, and sends what goes elsewhere.
///
/// Listeners are the caller's: `StreamListener` with `makeSession` and `handler`. A message is accepted only once it is on
/// disk, in a mailbox or in the queue.
public final class SMTPServer: Sendable {
  /// What it stands on.
  public struct Parts: Sendable {
    public var context: ServerContext
    public var store: any MailStore
    public var queue: any QueueStore
    public var resolver: any MailResolver
    public var client: SMTPClient
    /// Signs what people here send; `nil` for no signatures.
    public var signer: DKIMSigner?
    /// Rewrites senders of what is passed on; `nil` leaves them as they are.
    public var rewriting: SenderRewriting?
    /// The scripts of accounts; `nil` for none.
    public var scripts: SieveFolder?
    public var vacations: VacationMemory
    /// What other domains demand of TLS; `nil`: nobody asks.
    public var policies: TransportPolicies?
    /// The folder where what is reported to others is remembered until then; `nil`: in memory alone.
    public var reportFolder: String?

    public init(
      context: ServerContext, store: any MailStore, queue: any QueueStore, resolver: any MailResolver,
      client: SMTPClient, signer: DKIMSigner? = nil, rewriting: SenderRewriting? = nil,
      policies: TransportPolicies? = nil, reportFolder: String? = nil, scripts: SieveFolder? = nil,
      vacations: VacationMemory = VacationMemory(file: nil)
    ) {
      self.policies = policies
      self.reportFolder = reportFolder
      self.context = context
      self.store = store
      self.queue = queue
      self.resolver = resolver
      self.client = client
      self.signer = signer
      self.rewriting = rewriting
      self.scripts = scripts
      self.vacations = vacations
    }
  }

  /// Numbers for the metrics.
  public struct Counters: Sendable {
    public var received: UInt64 = 0
    public var delivered: UInt64 = 0
    public var queued: UInt64 = 0
    public var sent: UInt64 = 0
    public var bounced: UInt64 = 0
    public var refused: UInt64 = 0
  }

  let parts: Parts
  let directory: RecipientDirectory
  let delivery: LocalDelivery
  let greylist = Greylist()
  let reports: TLSReportBook
  let dmarcReports: DMARCReportBook
  private let current: Mutex<SMTPServerConfiguration>
  private let tally = Mutex(Counters())
  private let runner: Mutex<QueueRunner?> = Mutex(nil)
  private let alarm: QueueAlarm

  public init(_ parts: Parts, configuration: SMTPServerConfiguration) {
    self.parts = parts
    current = Mutex(configuration)
    reports = TLSReportBook(file: parts.reportFolder.map { "\($0)/tls-reports.json" })
    dmarcReports = DMARCReportBook(file: parts.reportFolder.map { "\($0)/dmarc-reports.json" })
    directory = RecipientDirectory(
      accounts: parts.context.accounts, clock: parts.context.clock, rewriting: parts.rewriting)
    let alarm = QueueAlarm()
    self.alarm = alarm
    delivery = LocalDelivery(
      store: parts.store, queue: parts.queue, scripts: parts.scripts, vacations: parts.vacations,
      rewriting: parts.rewriting, clock: parts.context.clock, queued: { alarm.ring() })
  }

  public var configuration: SMTPServerConfiguration { current.withLock { $0 } }
  public var counters: Counters { tally.withLock { $0 } }

  /// For connections and deliveries from now on.
  public func reload(_ configuration: SMTPServerConfiguration) {
    current.withLock { $0 = configuration }
    wake()
  }

  /// Begins to send what is in the queue.
  public func start() {
    runner.withLock { runner in
      guard runner == nil else { return }
      let new = QueueRunner(server: self)
      runner = new
      alarm.attach(new)
      new.start()
    }
  }

  /// Does what is due now and then: reports to other domains. To be called every few minutes.
  public func tick() async {
    await TLSReporter(server: self).run()
    await DMARCReporter(server: self).run()
  }

  /// Ends deliveries that are under way, and begins no more. What waits goes on with the next start.
  public func stop() async {
    let last = runner.withLock { runner in
      defer { runner = nil }
      return runner
    }
    alarm.attach(nil)
    await last?.stop()
    parts.client.close()
  }

  /// Something new is in the queue.
  func wake() { runner.withLock { $0 }?.wake() }

  func count(_ change: (inout Counters) -> Void) { tally.withLock { change(&$0) } }

  /// Answers for the sessions of any listener.
  public var handler: SMTPRequestHandler { SMTPRequestHandler(server: self) }

  /// A session for a connection, by the service that it came to.
  public func makeSession(_ connection: Connection, offersTLS: Bool) -> ServerSession {
    let configuration = configuration
    let role: ServerProfile.Role =
      switch connection.service {
      case .smtp: .relay
      case .lmtp: .lmtp
      default: .submission
      }
    return ServerSession(
      profile: ServerProfile(
        role: role, hostname: configuration.hostname, limits: configuration.limits, offersTLS: offersTLS,
        allowsPlaintext: configuration.allowsPlaintext(from: connection.peer.address),
        acceptsTokens: parts.context.acceptsTokens),
      isEncrypted: connection.isEncrypted)
  }
}

/// Wakes whoever sends what is in the queue, without knowing the server.
private final class QueueAlarm: Sendable {
  private let runner = Mutex<QueueRunner?>(nil)

  func attach(_ runner: QueueRunner?) { self.runner.withLock { $0 = runner } }
  func ring() { runner.withLock { $0 }?.wake() }
}
