import WireKit

/// The side of a transfer that wants the file: a client that reads, or a server that is written to.
///
/// It owns no file and no socket: `.take` says that a DATA packet's payload is the next piece of the file. What
/// `.take` asks to acknowledge goes out after the piece is safe; the last one only after the whole file is.
public struct ReceivingTransfer: Sendable {
  public enum Action: Sendable, Hashable {
    case wait
    /// Send the first packet: the server's OACK, or the client's request.
    case sendFirst
    /// Send an ACK.
    case acknowledge(UInt16)
    /// The payload is the next piece of the file; then send this ACK, if any.
    case take(Range<Int>, acknowledge: UInt16?)
    /// The payload is the last piece: keep it, make the file durable, then send this ACK.
    case finish(Range<Int>, acknowledge: UInt16)
    /// The time to repeat the last ACK is over; nothing more comes.
    case finished
    /// It is over. Send an ERROR packet when its origin is `.local`.
    case fail(TransferFailure)
  }

  private enum State: Sendable, Hashable {
    /// A client's request is out.
    case requesting(Request)
    /// A server's OACK, or its ACK 0, is out.
    case offering(hasOptions: Bool)
    case receiving
    /// Everything is there; the last ACK may have to be repeated.
    case dallying
    case over
  }

  public private(set) var parameters: TransferParameters
  public private(set) var deadline = MonotonicTime(nanoseconds: .max)
  /// Blocks that came in order.
  public private(set) var received: UInt64 = 0
  /// Packets that were sent again.
  public private(set) var repetitions = 0

  private let limits: Limits
  private let isServing: Bool
  private var state: State {
    // Nothing is due any more.
    didSet { if case .over = state { deadline = MonotonicTime(nanoseconds: .max) } }
  }
  private var timer: RetransmissionTimer
  private var acknowledged: UInt64 = 0
  private var sentAt = MonotonicTime(nanoseconds: 0)
  private var isMeasurable = true
  /// Whether the gap after `received` has been told to the sender already.
  private var hasToldGap = false
  private var isProven = false
  /// Whether the first packet is not repeated any more, and the peer only waited for.
  public private(set) var isQuiet = false

  /// A server's side of a write.
  public init(serving parameters: TransferParameters, hasOptions: Bool, limits: Limits) {
    self.parameters = parameters
    self.limits = limits
    isServing = true
    state = .offering(hasOptions: hasOptions)
    timer = RetransmissionTimer(limits, fixed: parameters.timeout)
  }

  /// A client's side of a read: the request is to be sent first.
  public init(requesting request: Request, limits: Limits) {
    parameters = TransferParameters()
    self.limits = limits
    isServing = false
    state = .requesting(request)
    timer = RetransmissionTimer(limits)
    isProven = true
  }

  /// What to do first.
  public mutating func start(now: MonotonicTime) -> Action {
    arm(now)
    if case .offering(hasOptions: false) = state { return .acknowledge(0) }
    return .sendFirst
  }

  /// Whether the file is complete and the transfer only lingers for a lost ACK.
  public var isDallying: Bool { state == .dallying }

  /// A datagram from the peer.
  public mutating func receive(_ packet: Packet, now: MonotonicTime) -> Action {
    switch (packet, state) {
    case (_, .over): return .wait
    case (.error(let code, let message), _):
      let wasComplete = state == .dallying
      state = .over
      return wasComplete ? .finished : .fail(TransferFailure(.peer, code, message))
    case (.data(let block, _), .dallying):
      guard block == UInt16(truncatingIfNeeded: received) else { return .wait }
      repetitions += 1
      return .acknowledge(block)
    case (.data(let block, let payload), .requesting), (.data(let block, let payload), .offering):
      guard block == 1 || parameters.windowSize > 1 else { return .wait }
      state = .receiving
      return take(block, payload, now)
    case (.data(let block, let payload), .receiving): return take(block, payload, now)
    case (.optionAcknowledgement(let options), .requesting(let request)):
      do throws(TransferFailure) {
        parameters = try Negotiation.accept(options, asked: request)
      } catch {
        state = .over
        return .fail(error)
      }
      state = .receiving
      heard(now)
      if let fixed = parameters.timeout { timer = RetransmissionTimer(limits, fixed: fixed) }
      arm(now)
      return .acknowledge(0)
    case (.optionAcknowledgement, .receiving) where received == 0:
      // Our ACK 0 was lost.
      repetitions += 1
      return .acknowledge(0)
    case (.optionAcknowledgement, _): return .wait
    default:
      state = .over
      return .fail(TransferFailure(.illegalOperation))
    }
  }

  /// Nothing came until `deadline`.
  public mutating func timerFired(now: MonotonicTime) -> Action {
    guard state != .over, now >= deadline else { return .wait }
    if state == .dallying {
      state = .over
      return .finished
    }
    guard !isProven || timer.retries < limits.maximumRetries else { return giveUp() }
    if isQuiet { return giveUp() }
    if !isProven, timer.retries >= limits.maximumUnprovenRetries {
      isQuiet = true
      deadline = now + limits.unprovenPatience
      return .wait
    }
    timer.expired()
    repetitions += 1
    isMeasurable = false
    hasToldGap = false
    arm(now)
    switch state {
    case .requesting, .offering(hasOptions: true): return .sendFirst
    default:
      acknowledged = received
      return .acknowledge(UInt16(truncatingIfNeeded: received))
    }
  }

  private mutating func take(_ number: UInt16, _ payload: Range<Int>, _ now: MonotonicTime) -> Action {
    guard payload.count <= parameters.blockSize else {
      state = .over
      return .fail(TransferFailure(.illegalOperation, "a block is larger than agreed"))
    }
    let ahead = number &- UInt16(truncatingIfNeeded: received)
    if ahead == 1 { return takeNext(payload, now) }
    if ahead == 0 {
      // The end of the window came again: our ACK was lost. Within a window it is the sender's going back, and no ACK is due.
      guard received == acknowledged else { return .wait }
      repetitions += 1
      isMeasurable = false
      arm(now)
      return .acknowledge(number)
    }
    guard Int(ahead) <= parameters.windowSize, parameters.windowSize > 1, !hasToldGap else { return .wait }
    // A block is missing: have the sender go back (RFC 7440 §4), and say so once.
    hasToldGap = true
    repetitions += 1
    isMeasurable = false
    acknowledged = received
    arm(now)
    return .acknowledge(UInt16(truncatingIfNeeded: received))
  }

  private mutating func takeNext(_ payload: Range<Int>, _ now: MonotonicTime) -> Action {
    received += 1
    hasToldGap = false
    let number = UInt16(truncatingIfNeeded: received)
    if payload.count < parameters.blockSize {
      state = .dallying
      acknowledged = received
      deadline = now + (isServing ? limits.serverDallyTime : limits.dallyTime)
      return .finish(payload, acknowledge: number)
    }
    if received - acknowledged == 1 || parameters.windowSize == 1 { heard(now) } else { timer.answered() }
    guard received - acknowledged >= UInt64(parameters.windowSize) else {
      deadline = now + timer.timeout
      return .take(payload, acknowledge: nil)
    }
    acknowledged = received
    arm(now)
    return .take(payload, acknowledge: number)
  }

  private mutating func giveUp() -> Action {
    state = .over
    return .fail(TransferFailure(.silence, .notDefined, "the peer stopped answering"))
  }

  private mutating func heard(_ now: MonotonicTime) {
    if isMeasurable { timer.measured(now - sentAt) }
    isMeasurable = true
    isProven = true
    isQuiet = false
    timer.answered()
  }

  private mutating func arm(_ now: MonotonicTime) {
    sentAt = now
    deadline = now + timer.timeout
  }
}
