import Glibc
import NIOCore
import NIOPosix
import RDPCore
import Synchronization
import SystemShims

/// A process behind a pseudo-terminal.
final class TerminalProcess: ConsoleProgram {
  private struct State {
    var output: [UInt8] = []
    var hasEnded = false
    var isClosed = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let process: pid_t
  /// A descriptor of our own for the terminal's size: the channel's belongs to the channel.
  private let terminal: Int32
  private let state: Mutex<State>
  private let channel: any Channel

  /// Takes over the process and the descriptor of the terminal.
  static func run(process: pid_t, terminal: Int32, on eventLoop: any EventLoop) async -> TerminalProcess? {
    let second = fcntl(terminal, F_DUPFD_CLOEXEC, 3)
    let reader = TerminalReader()
    let loopBound = NIOLoopBoundBox.makeBoxSendingValue(reader, eventLoop: eventLoop)
    let channel: any Channel
    do {
      guard second >= 0 else { throw IOError(errnoCode: errno, reason: "dup") }
      channel = try await NIOPipeBootstrap(group: eventLoop).channelOption(.autoRead, value: false)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(loopBound.value) }
        }
        .takingOwnershipOfDescriptor(inputOutput: terminal).get()
    } catch {
      Glibc.close(terminal)
      if second >= 0 { Glibc.close(second) }
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
      return nil
    }
    let program = TerminalProcess(process: process, terminal: second, channel: channel)
    channel.eventLoop.execute { loopBound.value.program = program }
    channel.closeFuture.whenComplete { _ in program.ended() }
    return program
  }

  private init(process: pid_t, terminal: Int32, channel: any Channel) {
    self.process = process
    self.terminal = terminal
    self.channel = channel
    state = Mutex(State())
  }

  deinit { Glibc.close(terminal) }

  fileprivate func received(_ bytes: [UInt8]) {
    let waiter = state.withLock { state in
      state.output += bytes
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  private func ended() {
    let waiter = state.withLock { state in
      state.hasEnded = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
    close()
  }

  func input(_ bytes: [UInt8]) async { try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

  func availableOutput(maximum: Int) -> ConsoleOutput? {
    let output: ConsoleOutput? = state.withLock { state in
      guard !state.output.isEmpty else { return state.hasEnded ? .ended : nil }
      let bytes = Array(state.output.prefix(maximum))
      state.output.removeFirst(bytes.count)
      return .bytes(bytes)
    }
    if output == nil { channel.read() }
    return output
  }

  func output(maximum: Int) async -> ConsoleOutput {
    while true {
      if let output = availableOutput(maximum: maximum) { return output }
      if Task.isCancelled { return .ended }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let isReady = state.withLock { state in
            guard state.output.isEmpty, !state.hasEnded, !Task.isCancelled else { return true }
            state.waiter = continuation
            return false
          }
          if isReady { continuation.resume() }
        }
      } onCancel: {
        let waiter = state.withLock { state in
          defer { state.waiter = nil }
          return state.waiter
        }
        waiter?.resume()
      }
    }
  }

  func resize(columns: Int, rows: Int) {
    _ = portside_set_terminal_size(terminal, UInt16(clamping: columns), UInt16(clamping: rows), 0, 0)
  }

  func close() {
    let isFirst = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    guard isFirst else { return }
    channel.close(promise: nil)
    let process = process
    kill(-process, SIGHUP)
    // Somebody has to take the exit status; who does not heed the hang-up is killed.
    Task {
      for round in 0..<200 {
        if waitpid(process, nil, WNOHANG) != 0 { return }
        if round == 50 { kill(-process, SIGKILL) }
        try? await Task.sleep(for: .milliseconds(100))
      }
    }
  }
}

/// Hands on what the terminal says. A read of the terminal is asked for only when the last one was taken.
private final class TerminalReader: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  weak var program: TerminalProcess?

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    program?.received(Array(unwrapInboundIn(data).readableBytesView))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
