/// What one worker is given.
public struct WorkerPlan: Hashable, Sendable, Codable {
  public var name: WorkerName
  public var sockets: [SocketPlan]
  /// The worker's configuration: bytes (JSON, usually) that the supervisor hands over and never looks into.
  public var configuration: [UInt8]
  public var confinement: Confinement

  public init(name: WorkerName, sockets: [SocketPlan], configuration: [UInt8], confinement: Confinement) {
    self.name = name
    self.sockets = sockets
    self.configuration = configuration
    self.confinement = confinement
  }
}
