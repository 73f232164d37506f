import Glibc
import Services
import Synchronization
import SystemShims
import WireKit

/// A thread that takes datagrams from one socket in batches, has each answered in place, and sends the replies in one call.
///
/// For a protocol with N sockets on one port (SO_REUSEPORT) there are N loops: one per core.
public final class DatagramLoop: Sendable {
  /// Sizes of a loop.
  public struct Limits: Sendable {
    /// Datagrams taken at once.
    public var batch = 64
    /// Octets of a request; longer ones are dropped.
    public var request = 4096
    /// Octets of a reply.
    public var reply = 4096
    /// How long `stop` may take at most, in milliseconds: the receive timeout of the socket.
    public var stopLatency = 200

    public init() {}
  }

  private let isStopping = Atomic<Bool>(false)
  private let state = Mutex(State())

  private struct State {
    var isDone = false
    var failure: SystemCallError?
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  private init() {}

  /// Starts a thread that serves `descriptor`, which stays the caller's to close, after `finished`.
  ///
  /// `meter`: where datagrams are counted. Each answered one is an operation, the first of the meter's table, which took the time
  /// from the batch's arrival to the departure of its replies: what its sender waited for us.
  public static func start<Responder: DatagramResponder & ~Copyable>(
    _ descriptor: CInt, limits: Limits = Limits(), name: String, meter: MeterShard? = nil,
    responder: consuming Responder
  ) throws(SystemCallError) -> DatagramLoop {
    guard
      let batch = portside_datagrams_create(
        CInt(clamping: limits.batch), UInt32(clamping: limits.request), UInt32(clamping: limits.reply))
    else { throw SystemCallError("malloc", ENOMEM) }
    let prepared = portside_datagrams_prepare(batch, descriptor, CInt(clamping: limits.stopLatency))
    guard prepared == 0 else {
      portside_datagrams_destroy(batch)
      throw SystemCallError("setsockopt", -prepared)
    }
    let loop = DatagramLoop()
    let work = LoopThread(loop, batch, descriptor, limits, meter, responder)
    let error = startThread {
      portside_name_thread(name)
      work.run()
    }
    guard error == 0 else {
      portside_datagrams_destroy(batch)
      throw SystemCallError("pthread_create", error)
    }
    return loop
  }

  /// Asks the thread to end, after the batch at hand.
  public func stop() { isStopping.store(true, ordering: .relaxed) }

  /// Returns once the thread has ended: after `stop`, or because the socket failed.
  public func finished() async throws(SystemCallError) {
    await withCheckedContinuation { continuation in
      let isDone = state.withLock { state in
        if !state.isDone { state.waiters.append(continuation) }
        return state.isDone
      }
      if isDone { continuation.resume() }
    }
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  fileprivate var shouldStop: Bool { isStopping.load(ordering: .relaxed) }

  fileprivate func end(_ failure: SystemCallError?) {
    let waiters = state.withLock { state in
      state.isDone = true
      state.failure = failure
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}

/// What the thread owns.
///
/// unchecked: made by the starter, and from then on touched by its one thread only.
private final class LoopThread<Responder: DatagramResponder & ~Copyable>: @unchecked Sendable {
  private let loop: DatagramLoop
  private let batch: OpaquePointer
  private let descriptor: CInt
  private let limits: DatagramLoop.Limits
  private let meter: MeterShard?
  private let clock = SystemClock()
  private var responder: Responder

  init(
    _ loop: DatagramLoop, _ batch: OpaquePointer, _ descriptor: CInt, _ limits: DatagramLoop.Limits,
    _ meter: MeterShard?, _ responder: consuming Responder
  ) {
    self.loop = loop
    self.batch = batch
    self.descriptor = descriptor
    self.limits = limits
    self.meter = meter
    self.responder = responder
  }

  func run() {
    var failure: SystemCallError?
    while !loop.shouldStop {
      let count = portside_datagrams_receive(batch, descriptor)
      guard count >= 0 else {
        failure = SystemCallError("recvmmsg", -count)
        break
      }
      if count > 0 { answer(Int(count)) }
    }
    portside_datagrams_destroy(batch)
    loop.end(failure)
  }

  private func answer(_ count: Int) {
    guard let items = portside_datagrams_items(batch) else { return }
    let start = clock.now()
    var (replies, bytesIn, bytesOut) = (UInt64(0), 0, 0)
    responder.beginBatch()
    for index in 0..<count {
      let item = items + index
      bytesIn += Int(item.pointee.request_length)
      let request = UnsafeRawBufferPointer(start: item.pointee.request, count: Int(item.pointee.request_length)).bytes
      var reply = FixedWriter(
        UnsafeMutableRawBufferPointer(start: item.pointee.reply, count: limits.reply).mutableBytes)
      let peer = DatagramPeer(
        storage: item.pointee.peer.assumingMemoryBound(to: sockaddr_storage.self), batch: batch, index: CInt(index))
      if responder.respond(to: request, from: peer, into: &reply) {
        item.pointee.reply_length = UInt32(clamping: reply.count)
        bytesOut += reply.count
        replies += 1
      }
    }
    _ = portside_datagrams_send(batch, descriptor, CInt(clamping: count))
    responder.endBatch()
    guard let meter else { return }
    meter.note(bytesIn: bytesIn, bytesOut: bytesOut)
    meter.note(0, .ok, nanoseconds: (clock.now() - start).wholeNanoseconds, times: replies)
  }
}

/// Runs `body` on a thread of its own, with all signals left to other threads. Returns 0 or an error number.
private func startThread(_ body: @escaping @Sendable () -> Void) -> Int32 {
  final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var all = sigset_t()
  var before = sigset_t()
  sigfillset(&all)
  pthread_sigmask(SIG_SETMASK, &all, &before)
  defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
  let box = Unmanaged.passRetained(Box(body))
  var thread = pthread_t()
  let error = pthread_create(
    &thread, nil,
    { argument in
      if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
      return nil
    }, box.toOpaque())
  guard error == 0 else {
    box.release()
    return error
  }
  pthread_detach(thread)
  return 0
}
