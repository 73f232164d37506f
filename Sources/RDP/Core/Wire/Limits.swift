/// What a session grants to its peer.
public struct RDPLimits: Sendable, Hashable {
  /// Bytes of a packet: a TPKT's length has 16 bits. Real clients stay below 16 KiB before activation.
  public var maximumPacket = 65_535
  /// From the connection to the first thing on the screen, log-in screen included.
  public var handshakeTime = Duration.seconds(30)
  /// How long the log-in screen may stand without a log-in.
  public var logInTime = Duration.seconds(120)
  /// Attempts on the log-in screen before the connection ends.
  public var maximumAttempts = 3
  /// The desktop sizes that a client may ask for, in pixels (MS-RDPBCGR 2.2.1.3.2 allows 4,096 by 2,048; clamped here).
  public var minimumWidth = 320
  public var minimumHeight = 200
  public var maximumWidth = 4096
  public var maximumHeight = 2304
  /// Static channels (MS-RDPBCGR 2.2.1.3.4: 31 at most).
  public var maximumChannels = 31
  /// Channel joins, the same ones again included.
  public var maximumJoins = 128
  /// The least time between two frames: 60 a second.
  public var frameInterval = Duration.nanoseconds(16_600_000)
  /// Bytes that wait for what runs in the terminal before more input is refused.
  public var maximumInput = 64 * 1024
  /// Lines that are kept above the screen.
  public var scrollback = 1_000
  /// Bytes of a clipboard text, in UTF-8.
  public var maximumClipboard = 1 << 20

  public init() {}
}
