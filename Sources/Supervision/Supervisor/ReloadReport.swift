/// What a reload changed.
public struct ReloadReport: Hashable, Sendable, Codable {
  /// Workers that were not there before.
  public var started: [WorkerName] = []
  /// Workers that are no longer needed and drain.
  public var stopped: [WorkerName] = []
  /// Workers that got other sockets or another configuration and went on.
  public var changed: [WorkerName] = []
  /// Workers that another process took over from, because a process can't widen or change its own confinement.
  public var replaced: [WorkerName] = []
  /// Workers that heard nothing of it.
  public var unaffected: [WorkerName] = []
  /// Workers that are not ready with the plan, and what is known of why.
  public var problems: [String] = []

  public init() {}
}
