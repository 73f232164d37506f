/// How a supervisor runs. The defaults are for `portside serve`.
public struct SupervisorOptions: Sendable {
  /// The program that is started as `EXECUTABLE worker NAME`. The default is this very program, even when its file has
  /// been replaced meanwhile: supervisor and workers are always of one version.
  public var executable = "/proc/self/exe"
  /// Where the command line's control socket is made (mode 0600); `nil` for none.
  public var controlPath: String?
  public var restarts = RestartPolicy()
  /// How long a worker may take to become ready before it is ended and started again.
  public var startLimit: Duration = .seconds(60)
  /// How often a worker says that it lives.
  public var heartbeatInterval: Duration = .seconds(5)
  /// A worker that has said nothing for this long is ended and started again.
  public var heartbeatLimit: Duration = .seconds(30)
  /// How long a worker may finish its connections when it is stopped or no longer needed; then it is killed.
  public var drainLimit: Duration = .seconds(10)
  /// How long a reload waits for the workers to be ready with the new plan, before it reports those that are not.
  public var reloadLimit: Duration = .seconds(30)
  /// Whether SIGTERM and SIGINT stop (the second one at once), SIGHUP reloads, and SIGPIPE is ignored: for the one
  /// supervisor that is a program's main business.
  public var handlesSignals = false
  /// Whether the service manager's sockets (`LISTEN_FDS`) and notifications (`NOTIFY_SOCKET`) are this supervisor's.
  public var usesServiceManager = false

  /// Answers what a worker asks; `nil` where none may. Which worker may ask what is for the answerer to judge: a worker can be
  /// taken over.
  public var answerer: (@Sendable (WorkerName, [UInt8]) async -> [UInt8])?

  public init() {}
}
