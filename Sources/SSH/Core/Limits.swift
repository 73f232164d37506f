/// What a session grants to its peer.
public struct SSHLimits: Sendable, Hashable {
  /// Bytes of a packet, its length field apart. RFC 4253 §6.1 asks for 35,000; OpenSSH takes 256 KiB.
  public var maximumPacket: Int
  /// From the connection to the end of the log-in.
  public var graceTime: Duration
  /// Failed attempts to log in before the connection ends (RFC 4252 §4 recommends 20, OpenSSH has 6).
  public var maximumAttempts: Int
  /// Public keys that a client may ask about; each costs a look-up.
  public var maximumKeyProbes: Int
  /// Bytes under one set of keys, in either direction (RFC 4253 §9 recommends 1 GB).
  public var rekeyBytes: UInt64
  /// Time under one set of keys (RFC 4253 §9 recommends an hour).
  public var rekeyInterval: Duration
  /// Packets under one set of keys: AES-GCM's counter and the sequence number must not come round (RFC 4344 §3.1).
  public var rekeyPackets: UInt64
  /// Channels at the same time. ControlMaster and editors open dozens.
  public var maximumChannels: Int
  /// The window that each channel is given: the most that may wait in memory for what runs behind it.
  public var channelWindow: UInt32
  /// The largest piece of channel data that we take.
  public var channelPacket: UInt32
  /// The largest piece of channel data that we send, whatever the peer takes.
  public var largestDataMessage: Int
  /// Bytes of encrypted output of a round, after which channels are not asked for more until it has left.
  public var outputHighWater: Int
  /// Messages that wait while keys are exchanged.
  public var maximumHeldMessages: Int
  /// Time without a byte from the peer, after which it is asked whether it is there; `nil` for never.
  public var keepAliveInterval: Duration?
  /// Questions without an answer before the connection ends.
  public var maximumUnansweredKeepAlives: Int
  /// Environment variables of one session, and bytes of each name or value.
  public var maximumEnvironment: Int
  public var maximumEnvironmentBytes: Int

  public init(
    maximumPacket: Int = 256 * 1024, graceTime: Duration = .seconds(120), maximumAttempts: Int = 6,
    maximumKeyProbes: Int = 20, rekeyBytes: UInt64 = 1 << 30, rekeyInterval: Duration = .seconds(3600),
    rekeyPackets: UInt64 = 1 << 31, maximumChannels: Int = 100, channelWindow: UInt32 = 2 << 20,
    channelPacket: UInt32 = 64 * 1024, largestDataMessage: Int = 128 * 1024, outputHighWater: Int = 512 * 1024,
    maximumHeldMessages: Int = 4_096,
    keepAliveInterval: Duration? = .seconds(60), maximumUnansweredKeepAlives: Int = 3, maximumEnvironment: Int = 64,
    maximumEnvironmentBytes: Int = 4_096
  ) {
    self.maximumPacket = maximumPacket
    self.graceTime = graceTime
    self.maximumAttempts = maximumAttempts
    self.maximumKeyProbes = maximumKeyProbes
    self.rekeyBytes = rekeyBytes
    self.rekeyInterval = rekeyInterval
    self.rekeyPackets = rekeyPackets
    self.maximumChannels = maximumChannels
    self.channelWindow = channelWindow
    self.channelPacket = channelPacket
    self.largestDataMessage = largestDataMessage
    self.outputHighWater = outputHighWater
    self.maximumHeldMessages = maximumHeldMessages
    self.keepAliveInterval = keepAliveInterval
    self.maximumUnansweredKeepAlives = maximumUnansweredKeepAlives
    self.maximumEnvironment = maximumEnvironment
    self.maximumEnvironmentBytes = maximumEnvironmentBytes
  }
}
