/// What every server gets from its surroundings, in one value handed to `init`: no globals, no singletons.
public struct ServerContext: Sendable {
  public var clock: any Clock
  public var events: any EventSink
  public var accounts: any Accounts
  public var penalties: any PenaltyBook
  public var sessions: any SessionRegister
  public var certificates: any CertificateSource
  /// What its operations are counted on.
  public var meters: Meters
  /// What a laboratory does to connections; none otherwise.
  public var faults: [ServiceName: ConnectionFault]
  /// Whether `accounts` knows an issuer of tokens: the mechanisms that carry them are offered then.
  public var acceptsTokens: Bool

  public init(
    clock: any Clock, events: any EventSink, accounts: any Accounts, penalties: any PenaltyBook,
    sessions: any SessionRegister, certificates: any CertificateSource, meters: Meters = Meters(),
    faults: [ServiceName: ConnectionFault] = [:], acceptsTokens: Bool = false
  ) {
    self.clock = clock
    self.events = events
    self.accounts = accounts
    self.penalties = penalties
    self.sessions = sessions
    self.certificates = certificates
    self.meters = meters
    self.faults = faults
    self.acceptsTokens = acceptsTokens
  }
}
