import NIOPosix
import Services
import SFTPCore
import SSHCore
import SSHServer
import Synchronization
import WireKit

/// SFTP or SCP behind a channel: requests gather while a thread of the pool works, so a pipelined batch costs two changes of
/// threads and not two for each request.
public final class FileProgram: SessionProgram {
  private struct State {
    var input: [UInt8] = []
    var output: [[UInt8]] = []
    var outputBytes = 0
    /// The service, while no job has it.
    var service: (any BlockingService)?
    /// The service can go on without input.
    var hasMore = false
    var hasInputEnded = false
    var end: ExitStatus?
    var outputWaiter: CheckedContinuation<Void, Never>?
    var inputWaiter: CheckedContinuation<Void, Never>?
  }

  /// Requests that may wait for the thread before the peer's window is held back.
  private static let inputHighWater = 1 << 20

  private let state: Mutex<State>
  private let pool: NIOThreadPool
  private let limits: SFTPLimits

  init(_ service: any BlockingService, _ limits: SFTPLimits, _ pool: NIOThreadPool) {
    self.pool = pool
    self.limits = limits
    state = Mutex(State(service: service, hasMore: service.hasMore))
    if service.hasMore { schedule() }
  }

  /// The `sftp` subsystem.
  ///
  /// - Parameters:
  ///   - home: Where relative paths begin.
  ///   - pool: Threads that may block on the medium.
  ///   - meter: One with `SFTPMeasures.operations`.
  public convenience init(
    sftp store: any FileStore, home: FilePath = FilePath(), limits: SFTPLimits = .init(), uploadsWhole: Bool = false,
    pool: NIOThreadPool = .singleton, meter: Meter? = nil, report: @escaping @Sendable (SFTPEvent) -> Void = { _ in }
  ) {
    self.init(
      SFTPService(
        store: store, home: home, limits: limits, uploadsWhole: uploadsWhole, meter: meter, report: report),
      limits, pool)
  }

  /// The far end of a client's `scp -O`.
  public convenience init(
    scp command: SCPCommand, store: any FileStore, home: FilePath = FilePath(), limits: SFTPLimits = .init(),
    pool: NIOThreadPool = .singleton, report: @escaping @Sendable (SFTPEvent) -> Void = { _ in }
  ) {
    let files = SCPFiles(store: store, home: home, report: report)
    switch command.direction {
    case .toServer: self.init(SCPSink(command, files), limits, pool)
    case .toClient: self.init(SCPSource(command, files, highWater: limits.outputHighWater), limits, pool)
    }
  }

  // MARK: Input

  public func takeInput(_ bytes: [UInt8]) -> Bool {
    guard state.withLock({ $0.input.count < Self.inputHighWater }) else { return false }
    add(bytes)
    return true
  }

  public func input(_ bytes: [UInt8]) async {
    await withCheckedContinuation { continuation in
      let isReady = state.withLock { state in
        guard state.input.count >= Self.inputHighWater, state.end == nil else { return true }
        state.inputWaiter = continuation
        return false
      }
      if isReady { continuation.resume() }
    }
    add(bytes)
  }

  public func inputEnd() {
    state.withLock { $0.hasInputEnded = true }
    schedule()
  }

  private func add(_ bytes: [UInt8]) {
    state.withLock { state in
      guard state.end == nil else { return }
      if state.input.isEmpty { state.input = bytes } else { state.input += bytes }
    }
    schedule()
  }

  // MARK: Work

  /// Sends the service to a thread, if it has something to do there.
  private func schedule() {
    let service = state.withLock { state -> (any BlockingService)? in
      guard state.end == nil, !state.input.isEmpty || state.hasInputEnded || state.hasMore,
        state.outputBytes < limits.outputHighWater
      else { return nil }
      defer { state.service = nil }
      return state.service
    }
    guard let service else { return }
    pool.submit { [self] _ in work(service) }
  }

  private func work(_ service: any BlockingService) {
    var service = service
    while true {
      var input: [UInt8] = []
      state.withLock { swap(&input, &$0.input) }
      var output = SFTPOutput()
      var failed = false
      var consumed = 0
      do { consumed = try service.process(input.span.bytes, into: &output) } catch { failed = true }
      output.sealTail()
      if finish(service, rest: input[consumed...], output, consumed, failed) { return }
    }
  }

  /// Puts back what is left. Returns whether the job is over; otherwise more has come meanwhile.
  private func finish(
    _ service: any BlockingService, rest: ArraySlice<UInt8>, _ output: SFTPOutput, _ consumed: Int, _ failed: Bool
  ) -> Bool {
    let (isOver, waiters) = state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>?]) in
      let news = !state.input.isEmpty
      if !rest.isEmpty { state.input.insert(contentsOf: rest, at: 0) }
      state.output += output.chunks
      state.outputBytes += output.count
      if failed { state.end = .code(1) }
      // What is left when the peer has ended is no whole packet.
      state.hasMore = service.hasMore && service.exit == nil
      if state.end == nil { state.end = service.exit }
      if state.hasInputEnded, !news, consumed == 0, !state.hasMore, state.end == nil { state.end = service.exitAtEnd }
      var waiters: [CheckedContinuation<Void, Never>?] = []
      if !state.output.isEmpty || state.end != nil {
        waiters.append(state.outputWaiter)
        state.outputWaiter = nil
      }
      if state.input.count < Self.inputHighWater || state.end != nil {
        waiters.append(state.inputWaiter)
        state.inputWaiter = nil
      }
      let goesOn =
        state.end == nil && state.outputBytes < limits.outputHighWater
        && (news || state.hasMore || consumed > 0 && (!state.input.isEmpty || state.hasInputEnded))
      // With nobody left to ask, it goes, on this thread: what it has open it may still have to remove.
      if !goesOn, state.end == nil { state.service = service }
      return (!goesOn, waiters)
    }
    for waiter in waiters { waiter?.resume() }
    if isOver, state.withLock({ $0.end != nil }) { service.ended() }
    return isOver
  }

  // MARK: Output

  public func availableOutput(maximum: Int) -> ProgramOutput? {
    let (output, isRoom) = state.withLock { state -> (ProgramOutput?, Bool) in
      guard let first = state.output.first else { return (state.end.map { .ended($0) }, false) }
      let wasFull = state.outputBytes >= limits.outputHighWater
      var bytes = first
      if first.count > maximum {
        bytes = Array(first.prefix(maximum))
        state.output[0] = Array(first.dropFirst(maximum))
      } else {
        state.output.removeFirst()
      }
      state.outputBytes -= bytes.count
      return (.bytes(bytes), wasFull && state.outputBytes < limits.outputHighWater)
    }
    if isRoom { schedule() }
    return output
  }

  public func output(maximum: Int) async -> ProgramOutput {
    while true {
      if let output = availableOutput(maximum: maximum) { return output }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let isReady = state.withLock { state in
            guard state.output.isEmpty, state.end == nil, !Task.isCancelled else { return true }
            state.outputWaiter = continuation
            return false
          }
          if isReady { continuation.resume() }
        }
      } onCancel: {
        close()
      }
    }
  }

  public func close() {
    let (waiters, service) = state.withLock { state in
      if state.end == nil { state.end = ExitStatus.none }
      state.input = []
      state.output = []
      state.outputBytes = 0
      defer { (state.outputWaiter, state.inputWaiter, state.service) = (nil, nil, nil) }
      return ([state.outputWaiter, state.inputWaiter], state.service)
    }
    for waiter in waiters { waiter?.resume() }
    if let service { pool.submit { _ in service.ended() } }
  }
}
