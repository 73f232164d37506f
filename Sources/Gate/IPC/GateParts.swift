import Services

/// All that the gate's server serves, composed by the program.
public struct GateParts: Sendable {
  public var accounts: any Accounts
  public var penalties: PenaltyBoard
  public var sessions: SessionTable
  /// Where the workers' events go; the gate's own `GateEvents`.
  public var events: any EventSink
  public var watch: WatchBoard
  public var certificates: any CertificateSource
  public var administration: GateAdministration
  public var clock: any Clock
  /// The workers that are connected.
  public var board: WorkerBoard
  /// `nil` where no console is offered.
  public var console: GateConsole?
  /// What tickets for sessions of the operating system are signed with; `nil` where there are none.
  public var ticketKey: Secret?

  public init(
    accounts: any Accounts, penalties: PenaltyBoard, sessions: SessionTable, events: any EventSink, watch: WatchBoard,
    certificates: any CertificateSource, administration: GateAdministration, clock: any Clock,
    board: WorkerBoard = WorkerBoard(), console: GateConsole? = nil,
    ticketKey: Secret? = nil
  ) {
    self.accounts = accounts
    self.penalties = penalties
    self.sessions = sessions
    self.events = events
    self.watch = watch
    self.certificates = certificates
    self.administration = administration
    self.clock = clock
    self.board = board
    self.console = console
    self.ticketKey = ticketKey
  }
}
