import WireKit

/// The side of a transfer that has the file: a server that is read from, or a client that writes.
///
/// It owns no file and no socket. Each event returns what to do; `deadline` says when `timerFired` is due. Blocks are
/// counted from 1 without end; on the wire they are cut to 16 bits and so roll over to 0.
///
///     C: RRQ "a" octet blksize 1468         receive/start → .sendFirst    (the OACK)
///     S: OACK blksize 1468
///     C: ACK 0                              receive → .send(1...1)
///     S: DATA 1
///
/// An acknowledgement that has been seen already moves nothing, so that one delayed packet is not doubled for the rest of
/// the transfer (the Sorcerer's Apprentice, RFC 1123 §4.2.3.1); with a window it makes the sender go back once (RFC 7440 §4).
public struct SendingTransfer: Sendable {
  public enum Action: Sendable, Hashable {
    case wait
    /// Send the first packet: the server's OACK, or the client's request.
    case sendFirst
    /// Send these blocks, in this order. Where the file ends, tell `endReached`.
    case send(ClosedRange<UInt64>)
    /// The peer has everything.
    case finished
    /// It is over. Send an ERROR packet when its origin is `.local`.
    case fail(TransferFailure)
  }

  private enum State: Sendable, Hashable {
    /// A client's request is out.
    case requesting(Request)
    /// A server's OACK is out.
    case offering
    case sending
    case over
  }

  public private(set) var parameters: TransferParameters
  /// When `timerFired` is due, if nothing comes before.
  public private(set) var deadline = MonotonicTime(nanoseconds: .max)
  /// Blocks that the peer has acknowledged.
  public private(set) var acknowledged: UInt64 = 0
  /// Packets that were sent again.
  public private(set) var repetitions = 0

  private let limits: Limits
  private var state: State {
    // Nothing is due any more.
    didSet { if case .over = state { deadline = MonotonicTime(nanoseconds: .max) } }
  }
  private var timer: RetransmissionTimer
  /// The highest block that went out.
  private var highest: UInt64 = 0
  /// The last block of the file, once it is known.
  private var last: UInt64?
  private var sentAt = MonotonicTime(nanoseconds: 0)
  /// Whether what is out went out once only, so that its round trip may be measured.
  private var isMeasurable = true
  /// Whether the sender has gone back to the present start of the window already.
  private var hasGoneBack = false
  /// Whether the peer has ever answered.
  private var isProven = false
  /// Whether the first packet is not repeated any more, and the peer only waited for.
  public private(set) var isQuiet = false

  /// A server's side.
  /// - Parameter hasOptions: Whether an OACK goes out first.
  public init(serving parameters: TransferParameters, hasOptions: Bool, limits: Limits) {
    self.parameters = parameters
    self.limits = limits
    state = hasOptions ? .offering : .sending
    timer = RetransmissionTimer(limits, fixed: parameters.timeout)
  }

  /// A client's side: the request is to be sent first.
  public init(requesting request: Request, limits: Limits) {
    parameters = TransferParameters()
    self.limits = limits
    state = .requesting(request)
    timer = RetransmissionTimer(limits)
    isProven = true
  }

  /// What to do first.
  public mutating func start(now: MonotonicTime) -> Action {
    guard case .sending = state else {
      arm(now)
      return .sendFirst
    }
    return sendWindow(now)
  }

  /// Says that `block` is shorter than a full one, and so the last.
  public mutating func endReached(at block: UInt64) { last = min(block, last ?? .max) }

  /// A datagram from the peer.
  public mutating func receive(_ packet: Packet, now: MonotonicTime) -> Action {
    switch (packet, state) {
    case (_, .over): return .wait
    case (.error(let code, let message), _):
      state = .over
      return .fail(TransferFailure(.peer, code, message))
    case (.acknowledgement(let block), .sending): return acknowledge(block, now)
    case (.acknowledgement(0), .offering):
      state = .sending
      heard(now)
      return sendWindow(now)
    case (.acknowledgement(0), .requesting):
      // A server that knows no options answers with ACK 0 (RFC 2347 §3).
      return begin(now)
    case (.optionAcknowledgement(let options), .requesting(let request)):
      do throws(TransferFailure) {
        parameters = try Negotiation.accept(options, asked: request)
      } catch { return end(error) }
      return begin(now)
    case (.optionAcknowledgement, .sending), (.acknowledgement, _):
      // A duplicate of what started the transfer, or a number from nowhere.
      return .wait
    default:
      return end(TransferFailure(.illegalOperation))
    }
  }

  /// Nothing came until `deadline`.
  public mutating func timerFired(now: MonotonicTime) -> Action {
    guard state != .over, now >= deadline else { return .wait }
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
    switch state {
    case .sending:
      hasGoneBack = false
      return sendWindow(now)
    default:
      arm(now)
      return .sendFirst
    }
  }

  private mutating func begin(_ now: MonotonicTime) -> Action {
    state = .sending
    heard(now)
    // The fixed time-out takes effect from here; what was measured so far is one round trip.
    if let fixed = parameters.timeout { timer = RetransmissionTimer(limits, fixed: fixed) }
    return sendWindow(now)
  }

  private mutating func acknowledge(_ number: UInt16, _ now: MonotonicTime) -> Action {
    // The distance on the circle of 65,536 numbers; windows are far smaller than half of it or the number is refused.
    let distance = UInt64(number &- UInt16(truncatingIfNeeded: acknowledged))
    let block = acknowledged + distance
    guard block <= highest else { return .wait }
    if distance == 0 {
      guard highest > acknowledged, parameters.windowSize > 1, !hasGoneBack else { return .wait }
      hasGoneBack = true
      repetitions += 1
      isMeasurable = false
      return sendWindow(now)
    }
    heard(now)
    acknowledged = block
    hasGoneBack = false
    if let last, acknowledged >= last {
      state = .over
      return .finished
    }
    if highest > acknowledged { repetitions += 1 }
    isMeasurable = highest <= acknowledged
    return sendWindow(now)
  }

  private mutating func heard(_ now: MonotonicTime) {
    if isMeasurable { timer.measured(now - sentAt) }
    isMeasurable = true
    isProven = true
    isQuiet = false
    timer.answered()
  }

  private mutating func sendWindow(_ now: MonotonicTime) -> Action {
    let first = acknowledged + 1
    let end = min(acknowledged + UInt64(parameters.windowSize), last ?? .max)
    highest = max(highest, end)
    arm(now)
    return .send(first...max(first, end))
  }

  private mutating func arm(_ now: MonotonicTime) {
    sentAt = now
    deadline = now + timer.timeout
  }

  private mutating func giveUp() -> Action {
    state = .over
    return .fail(TransferFailure(.silence, .notDefined, "the peer stopped answering"))
  }

  private mutating func end(_ failure: TransferFailure) -> Action {
    state = .over
    return .fail(failure)
  }
}
