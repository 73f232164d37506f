import TFTPCore
import TestKit
import Testing
import WireKit

@Suite struct TransferTests {
  static let start = MonotonicTime(nanoseconds: 1_000_000_000)

  static func options(_ blockSize: Int?, _ windowSize: Int?) -> [TransferOption] {
    [
      blockSize.map { TransferOption("blksize", UInt64($0)) },
      windowSize.map { TransferOption("windowsize", UInt64($0)) },
    ]
    .compactMap { $0 }
  }

  static func content(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

  @Test(arguments: [Request.Direction.read, .write], [0, 1, 511, 512, 513, 1024, 10_000])
  func aPerfectNetworkNeedsNoRepetition(direction: Request.Direction, size: Int) {
    let bytes = Self.content(size)
    var transfer = SimulatedTransfer(Request(direction, "f"), content: bytes, seed: 1, faults: .init())
    let result = transfer.run()
    #expect(result.failure == nil)
    #expect(result.content == bytes)
    let blocks = size / 512 + 1
    // A request, each block and each ACK; and the ACK of nothing that lets a write begin.
    #expect(result.datagrams == 1 + 2 * blocks + (direction == .write ? 1 : 0))
  }

  @Test(arguments: [Request.Direction.read, .write], [1, 2, 4, 7, 16, 64])
  func lossDuplicationAndReorderingChangeNothing(direction: Request.Direction, window: Int) {
    for seed in 0..<6 as Range<UInt64> {
      let bytes = Self.content(40_000 + Int(seed) * 97)
      var transfer = SimulatedTransfer(
        Request(direction, "f", options: Self.options(128 + Int(seed), window)), content: bytes, seed: seed,
        faults: .init(loss: 0.05, duplication: 0.05, delay: .milliseconds(1) ... .milliseconds(3)))
      let result = transfer.run()
      #expect(result.failure == nil, "seed \(seed)")
      #expect(result.content == bytes, "seed \(seed)")
    }
  }

  @Test(arguments: [Request.Direction.read, .write])
  func blockNumbersRollOver(direction: Request.Direction) {
    let bytes = Self.content(8 * 70_000 + 3)
    var transfer = SimulatedTransfer(
      Request(direction, "f", options: Self.options(8, 16)), content: bytes, seed: 3, faults: .init(loss: 0.0005))
    let result = transfer.run()
    #expect(result.failure == nil)
    #expect(result.content == bytes)
  }

  /// Every datagram doubled by the network: without care each would double the traffic for ever (RFC 1123 §4.2.3.1).
  @Test func theSorcerersApprenticeStaysAsleep() {
    let bytes = Self.content(100 * 512 + 1)
    var transfer = SimulatedTransfer(
      Request(.read, "f"), content: bytes, seed: 5, faults: .init(duplication: 1))
    let result = transfer.run()
    #expect(result.content == bytes)
    // 101 blocks, sent once each; each arrives twice and is acknowledged twice.
    #expect(result.datagrams <= 1 + 101 + 202)
  }

  @Test func aForgedRequestIsAnsweredThreeTimesAtMost() {
    var machine = SendingTransfer(serving: TransferParameters(), hasOptions: false, limits: Limits())
    var now = Self.start
    var sent = 0
    if case .send(let blocks) = machine.start(now: now) { sent += blocks.count }
    var failure: TransferFailure?
    for _ in 0..<100 where failure == nil {
      now = machine.deadline
      switch machine.timerFired(now: now) {
      case .send(let blocks): sent += blocks.count
      case .fail(let reason): failure = reason
      default: break
      }
    }
    #expect(sent == 3)
    #expect(failure?.origin == .silence)
  }

  @Test func aGapSendsTheWindowBackOnce() {
    var parameters = TransferParameters()
    parameters.windowSize = 4
    var machine = SendingTransfer(serving: parameters, hasOptions: true, limits: Limits())
    #expect(machine.start(now: Self.start) == .sendFirst)
    #expect(machine.receive(.acknowledgement(block: 0), now: Self.start) == .send(1...4))
    #expect(machine.receive(.acknowledgement(block: 2), now: Self.start) == .send(3...6))
    #expect(machine.receive(.acknowledgement(block: 2), now: Self.start) == .send(3...6))
    #expect(machine.receive(.acknowledgement(block: 2), now: Self.start) == .wait)
    #expect(machine.receive(.acknowledgement(block: 1), now: Self.start) == .wait)
    #expect(machine.receive(.acknowledgement(block: 9_000), now: Self.start) == .wait)
    #expect(machine.receive(.acknowledgement(block: 6), now: Self.start) == .send(7...10))
  }

  @Test func theReceiverTellsAGapOnce() {
    let request = Request(.read, "f", options: Self.options(8, 4))
    var machine = ReceivingTransfer(requesting: request, limits: Limits())
    #expect(machine.start(now: Self.start) == .sendFirst)
    #expect(machine.receive(.optionAcknowledgement(request.options), now: Self.start) == .acknowledge(0))
    #expect(machine.receive(.data(block: 1, payload: 4..<12), now: Self.start) == .take(4..<12, acknowledge: nil))
    #expect(machine.receive(.data(block: 3, payload: 4..<12), now: Self.start) == .acknowledge(1))
    #expect(machine.receive(.data(block: 4, payload: 4..<12), now: Self.start) == .wait)
    #expect(machine.receive(.data(block: 2, payload: 4..<12), now: Self.start) == .take(4..<12, acknowledge: nil))
    #expect(machine.receive(.data(block: 3, payload: 4..<12), now: Self.start) == .take(4..<12, acknowledge: nil))
    #expect(machine.receive(.data(block: 4, payload: 4..<12), now: Self.start) == .take(4..<12, acknowledge: nil))
    #expect(machine.receive(.data(block: 5, payload: 4..<12), now: Self.start) == .take(4..<12, acknowledge: 5))
    #expect(machine.receive(.data(block: 6, payload: 4..<6), now: Self.start) == .finish(4..<6, acknowledge: 6))
    #expect(machine.receive(.data(block: 6, payload: 4..<6), now: Self.start) == .acknowledge(6))
  }

  @Test func aBlockLargerThanAgreedEndsTheTransfer() {
    var machine = ReceivingTransfer(serving: TransferParameters(), hasOptions: false, limits: Limits())
    #expect(machine.start(now: Self.start) == .acknowledge(0))
    guard case .fail(let failure) = machine.receive(.data(block: 1, payload: 4..<517), now: Self.start) else {
      Issue.record("513 bytes were taken as a block of 512")
      return
    }
    #expect(failure.code == .illegalOperation)
  }

  @Test func theTimeoutFollowsTheRoundTripAndDoubles() {
    var limits = Limits()
    limits.minimumTimeout = .milliseconds(10)
    var timer = RetransmissionTimer(limits)
    #expect(timer.timeout == .seconds(1))
    for _ in 0..<50 { timer.measured(.milliseconds(20)) }
    #expect(timer.timeout < .milliseconds(40))
    let calm = timer.timeout
    timer.expired()
    #expect(timer.timeout == calm * 2)
    for _ in 0..<40 { timer.expired() }
    #expect(timer.timeout == limits.maximumTimeout)
    #expect(RetransmissionTimer(limits, fixed: .seconds(3)).timeout == .seconds(3))
  }

  @Test func netasciiGoesThereAndBackAtEverySplit() {
    let text = Array("one\ntwo\r\n\rthree\r\r\n".utf8)
    var net: [UInt8] = []
    NetASCIIEncoder().encode(text, into: &net)
    #expect(net == Array("one\r\ntwo\r\0\r\n\r\0three\r\0\r\0\r\n".utf8))
    for split in 0...net.count {
      var decoder = NetASCIIDecoder()
      var back: [UInt8] = []
      decoder.decode(net[..<split], into: &back)
      decoder.decode(net[split...], into: &back)
      decoder.finish(into: &back)
      #expect(back == text)
    }
    var decoder = NetASCIIDecoder()
    var odd: [UInt8] = []
    decoder.decode([0x0D, 0x41, 0x0D], into: &odd)
    decoder.finish(into: &odd)
    #expect(odd == [0x0D, 0x41, 0x0D])
  }
}
