import Glibc
import SSHCore
import Synchronization
import SystemShims
import Transport

/// A process that a channel's program is: a child of this process, or somebody else's that tells of its end.
public protocol SessionProcess: Sendable {
  /// Readable once the process has ended.
  var descriptor: Int32 { get }
  /// How it ended; `nil` while it runs. Never blocks.
  func reap() -> ExitStatus?
  /// Sends a signal to it and to what it has started.
  func signal(_ number: Int32)
}

/// A process behind a channel, with pipes or with a terminal.
public final class ProcessProgram: SessionProgram {
  private struct State {
    var output: OpenFile?
    var error: OpenFile?
    var exit: ExitStatus?
    var isClosed = false
  }

  private let process: any SessionProcess
  /// The terminal, where there is one.
  private let terminal: OpenFile?
  private let input: InputPipe
  /// An epoll descriptor over what can bring news: outputs, and at last the process.
  private let news: OpenFile
  private let watch: DescriptorWatch
  private let state: Mutex<State>

  /// Takes over the descriptors, which must not block. `output` of a terminal is the terminal itself.
  public init(
    process: any SessionProcess, input: OpenFile, output: OpenFile, error: OpenFile?, terminal: OpenFile?,
    watch: DescriptorWatch
  ) {
    self.process = process
    self.terminal = terminal
    self.watch = watch
    self.input = InputPipe(input, watch)
    news = OpenFile(owning: portside_poller_open())
    state = Mutex(State(output: output, error: error))
    for file in [output, error] { if let file { addNews(file) } }
  }

  private func addProcessNews() { _ = portside_poller_add(news.descriptor, process.descriptor) }
  private func addNews(_ file: OpenFile) { _ = portside_poller_add(news.descriptor, file.descriptor) }
  private func removeNews(_ file: OpenFile) { _ = portside_poller_remove(news.descriptor, file.descriptor) }

  // MARK: Input

  public func takeInput(_ bytes: [UInt8]) -> Bool { input.write(bytes) }
  public func input(_ bytes: [UInt8]) async { await input.writeAll(bytes) }

  public func inputEnd() {
    // A terminal has no half that could be closed: its end of file is a character.
    if let terminal { _ = writeDescriptor(terminal.descriptor, [endOfFile(terminal)][...]) } else { input.close() }
  }

  private func endOfFile(_ terminal: OpenFile) -> UInt8 {
    var settings = termios()
    guard tcgetattr(terminal.descriptor, &settings) == 0 else { return 4 }
    return withUnsafeBytes(of: settings.c_cc) { $0[Int(VEOF)] }
  }

  // MARK: Output

  public func availableOutput(maximum: Int) -> ProgramOutput? {
    state.withLock { state in
      if let file = state.output {
        switch readDescriptor(file.descriptor, maximum: maximum) {
        case .bytes(let bytes): return .bytes(bytes)
        case .end:
          removeNews(file)
          state.output = nil
          if state.error == nil { addProcessNews() }
        case .wouldBlock: break
        }
      }
      if let file = state.error {
        switch readDescriptor(file.descriptor, maximum: maximum) {
        case .bytes(let bytes): return .errorBytes(bytes)
        case .end:
          removeNews(file)
          state.error = nil
          if state.output == nil { addProcessNews() }
        case .wouldBlock: break
        }
      }
      guard state.output == nil, state.error == nil else { return nil }
      return Self.reap(process, &state.exit).map { .ended($0) }
    }
  }

  public func output(maximum: Int) async -> ProgramOutput {
    while true {
      if let output = availableOutput(maximum: maximum) { return output }
      if Task.isCancelled || state.withLock({ $0.isClosed }) { return .ended(.none) }
      await watch.wait(for: news.descriptor, .readable)
    }
  }

  /// Takes the exit status, once there is one.
  private static func reap(_ process: any SessionProcess, _ exit: inout ExitStatus?) -> ExitStatus? {
    if exit == nil { exit = process.reap() }
    return exit
  }

  // MARK: The rest

  public func resize(_ size: TerminalSize) {
    guard let terminal else { return }
    _ = portside_set_terminal_size(terminal.descriptor, size.columns, size.rows, size.width, size.height)
  }

  public func signal(_ name: String) {
    if name == "BREAK", let terminal { tcsendbreak(terminal.descriptor, 0) }
    guard let number = SignalName.number(of: name), state.withLock({ $0.exit == nil }) else { return }
    process.signal(number)
  }

  public func close() {
    let isFirst = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    guard isFirst else { return }
    input.close()
    watch.wake(news.descriptor)
    guard state.withLock({ $0.exit == nil }) else { return }
    process.signal(SIGHUP)
    // Somebody has to take the exit status, whenever the process ends.
    Task { [self] in
      while state.withLock({ Self.reap(process, &$0.exit) == nil }) {
        await watch.wait(for: process.descriptor, .readable)
      }
    }
  }
}

/// A child of this process.
final class ChildProcess: SessionProcess {
  private let process: pid_t
  private let file: OpenFile
  private let exit = Mutex<ExitStatus?>(nil)

  /// - Parameter file: The process's own descriptor.
  init(_ process: pid_t, _ file: OpenFile) {
    self.process = process
    self.file = file
  }

  var descriptor: Int32 { file.descriptor }

  func reap() -> ExitStatus? {
    exit.withLock { exit in
      if exit != nil { return exit }
      var status: Int32 = 0
      guard waitpid(process, &status, WNOHANG) == process else { return nil }
      let signal = status & 0x7F
      exit =
        signal == 0
        ? .code(UInt32(status >> 8 & 0xFF))
        : .signal(SignalName.name(of: signal) ?? "TERM", coreDumped: status & 0x80 != 0)
      return exit
    }
  }

  func signal(_ number: Int32) {
    // Its number may be another's once its result has been taken.
    if reap() == nil { kill(-process, number) }
  }
}

/// The signals that RFC 4254 §6.9 names.
public enum SignalName {
  private static let table: [(name: String, number: Int32)] = [
    ("ABRT", SIGABRT), ("ALRM", SIGALRM), ("FPE", SIGFPE), ("HUP", SIGHUP), ("ILL", SIGILL), ("INT", SIGINT),
    ("KILL", SIGKILL), ("PIPE", SIGPIPE), ("QUIT", SIGQUIT), ("SEGV", SIGSEGV), ("TERM", SIGTERM), ("USR1", SIGUSR1),
    ("USR2", SIGUSR2),
  ]

  public static func number(of name: String) -> Int32? { table.first { $0.name == name }?.number }
  public static func name(of number: Int32) -> String? { table.first { $0.number == number }?.name }
}
