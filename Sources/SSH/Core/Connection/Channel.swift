import WireKit

/// One channel of a connection, from our side (RFC 4254 §5).
struct Channel {
  enum Kind {
    /// A session: what was asked for so far, and whether something runs.
    case session(SessionState)
    /// A forwarded TCP connection.
    case tcp
  }

  struct SessionState {
    var terminal: PseudoTerminal?
    var environment: [EnvironmentVariable] = []
    var hasStarted = false
    var reachesAgent = false
    var display: DisplayRequest?
  }

  var kind: Kind
  let remote: UInt32
  /// Bytes that the peer takes at present, and at most in one message.
  var sendWindow: UInt32
  let sendMaximum: UInt32

  /// Bytes that the peer may still send.
  var receiveWindow: UInt32
  /// Bytes that were taken and not yet granted again.
  var consumed: UInt32 = 0
  /// What came and waits for the program; at most a window.
  var input: [UInt8] = []
  /// Bytes of the input request under way; `nil` when there is none.
  var inputUnderWay: UInt32?

  /// Whether something runs behind it that output can be had from.
  var isRunning = false
  /// The output request under way.
  var outputTicket: Ticket?
  /// Output that waits for the window or for new keys; from `outputOffset` on.
  var output: [UInt8] = []
  var outputOffset = 0
  var outputIsError = false
  var exit: ExitStatus?

  var hasReceivedEOF = false
  var hasPassedEOF = false
  var hasSentClose = false
  var hasReceivedClose = false

  init(kind: Kind, remote: UInt32, sendWindow: UInt32, sendMaximum: UInt32, receiveWindow: UInt32) {
    self.kind = kind
    self.remote = remote
    self.sendWindow = sendWindow
    self.sendMaximum = sendMaximum
    self.receiveWindow = receiveWindow
  }

  /// Output that waits.
  var waitingOutput: Int { output.count - outputOffset }
}
