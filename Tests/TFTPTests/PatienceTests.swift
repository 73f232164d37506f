import TFTPCore
import Testing
import WireKit

/// What real clients need of a server over a bad network: tftp-hpa and atftp say a lost packet again after five seconds.
@Suite struct PatienceTests {
  private static let start = MonotonicTime(nanoseconds: 1)

  /// The OACK arrived, the client's first block got lost three times over.
  @Test func aWriterThatComesLateIsStillTaken() {
    var machine = ReceivingTransfer(serving: TransferParameters(), hasOptions: true, limits: Limits())
    var answers = 1
    #expect(machine.start(now: Self.start) == .sendFirst)
    var now = Self.start
    while machine.deadline <= Self.start + .seconds(14) {
      now = machine.deadline
      switch machine.timerFired(now: now) {
      case .sendFirst: answers += 1
      case .wait: #expect(machine.isQuiet)
      case let other: Issue.record("\(other)")
      }
    }
    #expect(answers == 3)
    now = Self.start + .seconds(15)
    #expect(machine.receive(.data(block: 1, payload: 4..<516), now: now) == .take(4..<516, acknowledge: 1))
    #expect(!machine.isQuiet)
  }

  @Test func aReaderThatComesLateIsStillServed() {
    var machine = SendingTransfer(serving: TransferParameters(), hasOptions: true, limits: Limits())
    #expect(machine.start(now: Self.start) == .sendFirst)
    while machine.deadline <= Self.start + .seconds(14) { _ = machine.timerFired(now: machine.deadline) }
    #expect(machine.receive(.acknowledgement(block: 0), now: Self.start + .seconds(15)) == .send(1...1))
  }

  /// Without a word from the peer it ends all the same, and in silence.
  @Test func aPeerThatNeverSpeaksIsGivenUp() {
    var machine = ReceivingTransfer(serving: TransferParameters(), hasOptions: false, limits: Limits())
    _ = machine.start(now: Self.start)
    var last = ReceivingTransfer.Action.wait
    var ended = Self.start
    for _ in 0..<10 {
      if case .fail = last { break }
      ended = machine.deadline
      last = machine.timerFired(now: ended)
    }
    guard case .fail(let failure) = last else {
      Issue.record("\(last)")
      return
    }
    #expect(failure.origin == .silence)
    #expect(ended - Self.start < .seconds(30))
  }

  /// The last acknowledgement was lost twice.
  @Test func theLastAcknowledgementIsRepeatedAfterTenSeconds() {
    var machine = ReceivingTransfer(serving: TransferParameters(), hasOptions: false, limits: Limits())
    _ = machine.start(now: Self.start)
    #expect(machine.receive(.data(block: 1, payload: 4..<9), now: Self.start) == .finish(4..<9, acknowledge: 1))
    let later = Self.start + .seconds(10)
    #expect(machine.timerFired(now: later) == .wait)
    #expect(machine.receive(.data(block: 1, payload: 4..<9), now: later) == .acknowledge(1))
  }

  /// A window that no client's socket holds is not granted.
  @Test(arguments: [(512, 64, 64), (1_468, 64, 64), (8_192, 64, 16), (65_464, 64, 2), (65_464, 1, 1)])
  func aWindowFitsTheSocketOfItsClient(block: Int, asked: Int, granted: UInt64) {
    let request = Request(
      .read, "f", options: [TransferOption("blksize", UInt64(block)), TransferOption("windowsize", UInt64(asked))])
    let result = Negotiation.grant(request, fileSize: nil, limits: Limits())
    #expect(result.parameters.windowSize == Int(granted))
    #expect(result.granted.contains(TransferOption("windowsize", granted)))
  }
}
