import Services
import WireKit

/// What a supervisor and its workers do at the moment: `portside status`.
public struct SupervisorStatus: Hashable, Sendable, Codable {
  /// The supervisor's process.
  public var pid: Int32
  public var since: WallTime
  /// In the order of the plan; workers that are draining because they are no longer needed stand at the end.
  public var workers: [WorkerStatus]
}

/// One worker.
public struct WorkerStatus: Hashable, Sendable, Codable {
  public enum State: String, Hashable, Sendable, Codable {
    /// It runs and has not said that it is ready.
    case starting
    case ready
    /// It ended and is started again after a pause.
    case waiting
    /// As `waiting` or `starting`, and it has ended many times in a row.
    case failing
    /// It finishes its connections and ends.
    case draining
    case stopped
  }

  public var name: WorkerName
  public var state: State
  /// When the state began.
  public var since: WallTime
  /// Its process, while it runs.
  public var pid: Int32?
  /// How often it was started again.
  public var restarts: Int
  /// How it ended the last time: `exit code 1`, `SIGSEGV (crash)`.
  public var lastExit: String?
  /// What the worker itself said the last time that something was wrong.
  public var remark: String?
  /// What is in force, as the worker reports it.
  public var confinement: String?
  public var sockets: [SocketStatus]
}

/// One bound socket, or group of them.
public struct SocketStatus: Hashable, Sendable, Codable {
  public var name: String
  /// With the real port.
  public var place: SocketPlace
  /// How many share the address.
  public var count: Int
}
