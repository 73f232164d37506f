import Glibc
import SSHCore
import Synchronization
import SystemShims
import Transport

/// A process behind a channel, with pipes or with a terminal.
final class ProcessProgram: SessionProgram {
  private struct State {
    var output: OpenFile?
    var error: OpenFile?
    var exit: ExitStatus?
    var isClosed = false
  }

  private let process: pid_t
  /// Readable once the process has ended.
  private let processFile: OpenFile
  /// The terminal, where there is one.
  private let terminal: OpenFile?
  private let input: InputPipe
  /// An epoll descriptor over what can bring news: outputs, and at last the process.
  private let news: OpenFile
  private let watch: DescriptorWatch
  private let state: Mutex<State>

  /// Takes over the descriptors, which must not block. `output` of a terminal is the terminal itself.
  init(
    process: pid_t, processFile: OpenFile, input: OpenFile, output: OpenFile, error: OpenFile?, terminal: OpenFile?,
    watch: DescriptorWatch
  ) {
    self.process = process
    self.processFile = processFile
    self.terminal = terminal
    self.watch = watch
    self.input = InputPipe(input, watch)
    news = OpenFile(owning: portside_poller_open())
    state = Mutex(State(output: output, error: error))
    for file in [output, error] { if let file { addNews(file) } }
  }

  private func addNews(_ file: OpenFile) { _ = portside_poller_add(news.descriptor, file.descriptor) }
  private func removeNews(_ file: OpenFile) { _ = portside_poller_remove(news.descriptor, file.descriptor) }

  // MARK: Input

  func takeInput(_ bytes: [UInt8]) -> Bool { input.write(bytes) }
  func input(_ bytes: [UInt8]) async { await input.writeAll(bytes) }

  func inputEnd() {
    // A terminal has no half that could be closed: its end of file is a character.
    if let terminal { _ = writeDescriptor(terminal.descriptor, [endOfFile(terminal)][...]) } else { input.close() }
  }

  private func endOfFile(_ terminal: OpenFile) -> UInt8 {
    var settings = termios()
    guard tcgetattr(terminal.descriptor, &settings) == 0 else { return 4 }
    return withUnsafeBytes(of: settings.c_cc) { $0[Int(VEOF)] }
  }

  // MARK: Output

  func availableOutput(maximum: Int) -> ProgramOutput? {
    state.withLock { state in
      if let file = state.output {
        switch readDescriptor(file.descriptor, maximum: maximum) {
        case .bytes(let bytes): return .bytes(bytes)
        case .end:
          removeNews(file)
          state.output = nil
          if state.error == nil { addNews(processFile) }
        case .wouldBlock: break
        }
      }
      if let file = state.error {
        switch readDescriptor(file.descriptor, maximum: maximum) {
        case .bytes(let bytes): return .errorBytes(bytes)
        case .end:
          removeNews(file)
          state.error = nil
          if state.output == nil { addNews(processFile) }
        case .wouldBlock: break
        }
      }
      guard state.output == nil, state.error == nil else { return nil }
      return Self.reap(process, &state.exit).map { .ended($0) }
    }
  }

  func output(maximum: Int) async -> ProgramOutput {
    while true {
      if let output = availableOutput(maximum: maximum) { return output }
      if Task.isCancelled || state.withLock({ $0.isClosed }) { return .ended(.none) }
      await watch.wait(for: news.descriptor, .readable)
    }
  }

  /// Takes the exit status, once there is one.
  private static func reap(_ process: pid_t, _ exit: inout ExitStatus?) -> ExitStatus? {
    if let exit { return exit }
    var status: Int32 = 0
    guard waitpid(process, &status, WNOHANG) == process else { return nil }
    let signal = status & 0x7F
    exit =
      signal == 0
      ? .code(UInt32(status >> 8 & 0xFF))
      : .signal(SignalName.name(of: signal) ?? "TERM", coreDumped: status & 0x80 != 0)
    return exit
  }

  // MARK: The rest

  func resize(_ size: TerminalSize) {
    guard let terminal else { return }
    _ = portside_set_terminal_size(terminal.descriptor, size.columns, size.rows, size.width, size.height)
  }

  func signal(_ name: String) {
    if name == "BREAK", let terminal { tcsendbreak(terminal.descriptor, 0) }
    guard let number = SignalName.number(of: name), state.withLock({ $0.exit == nil }) else { return }
    kill(-process, number)
  }

  func close() {
    let isFirst = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    guard isFirst else { return }
    input.close()
    watch.wake(news.descriptor)
    guard state.withLock({ $0.exit == nil }) else { return }
    kill(-process, SIGHUP)
    // Somebody has to take the exit status, whenever the process ends.
    Task { [self] in
      while state.withLock({ Self.reap(process, &$0.exit) == nil }) {
        await watch.wait(for: processFile.descriptor, .readable)
      }
    }
  }
}

/// The signals that RFC 4254 §6.9 names.
enum SignalName {
  private static let table: [(name: String, number: Int32)] = [
    ("ABRT", SIGABRT), ("ALRM", SIGALRM), ("FPE", SIGFPE), ("HUP", SIGHUP), ("ILL", SIGILL), ("INT", SIGINT),
    ("KILL", SIGKILL), ("PIPE", SIGPIPE), ("QUIT", SIGQUIT), ("SEGV", SIGSEGV), ("TERM", SIGTERM), ("USR1", SIGUSR1),
    ("USR2", SIGUSR2),
  ]

  static func number(of name: String) -> Int32? { table.first { $0.name == name }?.number }
  static func name(of number: Int32) -> String? { table.first { $0.number == number }?.name }
}
