/// What one SFTP session is granted; told to clients by `limits@openssh.com`.
public struct SFTPLimits: Sendable, Hashable {
  /// Bytes of a packet, as OpenSSH has it.
  public var maximumPacket: Int
  /// Bytes of one read or write.
  public var maximumData: Int
  public var maximumHandles: Int
  /// Names in one answer to a READDIR.
  public var namesPerRead: Int
  /// Bytes of answers that may wait for the peer, after which requests wait too.
  public var outputHighWater: Int

  public init(
    maximumPacket: Int = 256 * 1024, maximumData: Int = 255 * 1024, maximumHandles: Int = 1_024,
    namesPerRead: Int = 256, outputHighWater: Int = 1 << 20
  ) {
    self.maximumPacket = maximumPacket
    self.maximumData = maximumData
    self.maximumHandles = maximumHandles
    self.namesPerRead = namesPerRead
    self.outputHighWater = outputHighWater
  }
}
