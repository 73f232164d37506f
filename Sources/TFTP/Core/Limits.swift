/// The bounds of a transfer. Each default has its reason beside it.
public struct Limits: Sendable, Hashable {
  /// The largest block that is granted, 512...65,464 (RFC 2348). The largest that a datagram can carry: the client knows
  /// its network, and asks for what suits it.
  public var maximumBlockSize: Int = 65_464
  /// The largest window that is granted, 1...65,535 (RFC 7440). 64 blocks of 1,468 bytes fill a gigabit link over 0.7 ms.
  public var maximumWindowSize: Int = 64
  /// The most bytes of a window of several blocks. They leave at once, and a client's socket takes 212,992 bytes as Linux
  /// has it, bookkeeping included: the end of a larger window is lost each time, and the transfer crawls.
  public var maximumWindowBytes: Int = 131_072
  /// Before the first round trip is measured (RFC 6298 §2.1).
  public var initialTimeout: Duration = .seconds(1)
  /// Never less: a peer may be busy writing to its flash memory.
  public var minimumTimeout: Duration = .milliseconds(200)
  /// Never more, however often the time-out has doubled.
  public var maximumTimeout: Duration = .seconds(8)
  /// Repetitions without any answer until a transfer is given up.
  public var maximumRetries: Int = 6
  /// Repetitions of the very first packet, while the peer has not shown that it receives. A request with a forged
  /// source is answered this often and no more, so that it does not multiply traffic.
  public var maximumUnprovenRetries: Int = 2
  /// How long such a peer is waited for in silence after that. A client whose next packet was lost says it again only
  /// after its own time-out, which is five seconds with tftp-hpa and atftp; two of them in a row may get lost.
  public var unprovenPatience: Duration = .seconds(16)
  /// How long a client that has read a file stays to repeat its last acknowledgement.
  public var dallyTime: Duration = .seconds(3)
  /// How long a server does that for a client which has written one. Such a client says its last block again only after its
  /// own time-out, five seconds with tftp-hpa and atftp, and takes its file for lost when nobody answers.
  public var serverDallyTime: Duration = .seconds(16)

  public init() {}
}

/// What both sides agreed on for a transfer.
public struct TransferParameters: Sendable, Hashable {
  /// Bytes of a full block (RFC 2348); 512 where nothing is negotiated.
  public var blockSize: Int = 512
  /// Blocks per acknowledgement (RFC 7440).
  public var windowSize: Int = 1
  /// The fixed time-out (RFC 2349); `nil`: adapted to the round trip.
  public var timeout: Duration?
  /// The file's size in bytes, if it was told (RFC 2349).
  public var transferSize: UInt64?

  public init() {}
}
