import ConsoleCore
import Synchronization

/// Carries out what a console asks of the server.
public protocol ConsoleBackend: Sendable {
  /// The answer to a call, made in the name of whoever uses the console.
  func perform(_ call: ConsoleCall) async -> ConsoleAnswer
}

/// A console that runs over any stream of bytes: an SSH channel, a PTY, a pipe.
///
/// ```
/// let session = ConsoleSession(console, terminal: TerminalDescription(columns: 80, rows: 24), backend: backend)
/// session.input(bytes)                                   // what is typed
/// while let bytes = await session.output() { … }         // what is shown; nil at the end
/// session.exitCode
/// ```
/// Lines end with CR LF, as a raw terminal needs it, unless `lineEnd` says otherwise.
public final class ConsoleSession: Sendable {
  private struct State {
    var console: Console
    var output: [UInt8] = []
    /// Whether the console waits to be told that its output has left.
    var hasUndrained = false
    var hasEnded = false
    /// Input that the console does not take at the moment.
    var input: [UInt8] = []
    var isInputClosed = false
    var reader: CheckedContinuation<[UInt8]?, Never>?
    var inputWaiters: [CheckedContinuation<Void, Never>] = []
    /// The call that is on its way: a console has one at a time.
    var task: (number: UInt64, task: Task<Void, Never>)?
    var terminal: TerminalDescription
  }

  private let state: Mutex<State>
  private let backend: any ConsoleBackend
  private let lineEnd: [UInt8]

  public init(
    _ console: Console, terminal: TerminalDescription, backend: any ConsoleBackend, lineEnd: [UInt8] = [0x0D, 0x0A]
  ) {
    self.backend = backend
    self.lineEnd = lineEnd
    state = Mutex(State(console: console, terminal: terminal))
    step { console, actions in console.start(on: terminal, into: &actions) }
  }

  /// 0, or 1 once a command has failed.
  public var exitCode: UInt32 { state.withLock { $0.console.exitCode } }

  /// Takes what was typed. Returns whether the console would take more at once; `inputRoom` waits until it does.
  @discardableResult
  public func input(_ bytes: some Sequence<UInt8>) -> Bool {
    state.withLock { $0.input.append(contentsOf: bytes) }
    step { _, _ in }
    return state.withLock { $0.input.isEmpty }
  }

  /// Waits until what was typed has been taken, or the console has ended.
  public func inputRoom() async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if !state.input.isEmpty, !state.hasEnded { state.inputWaiters.append(continuation) }
        return state.input.isEmpty || state.hasEnded
      }
      if isThere { continuation.resume() }
    }
  }

  /// Nothing more will be typed: what was begun is finished, then the console ends.
  public func inputEnd() {
    state.withLock { $0.isInputClosed = true }
    step { _, _ in }
  }

  public func resize(columns: Int, rows: Int) {
    let terminal = state.withLock { state in
      state.terminal = TerminalDescription(
        columns: columns, rows: rows, type: state.terminal.type, echoes: state.terminal.echoes)
      return state.terminal
    }
    step { console, actions in console.changed(terminal, into: &actions) }
  }

  /// Stops what runs.
  public func interrupt() { step { console, actions in console.interrupt(into: &actions) } }

  /// The terminal is gone.
  public func close() {
    let last = state.withLock { state in
      state.hasEnded = true
      defer { (state.task, state.inputWaiters, state.reader) = (nil, [], nil) }
      return (state.task, state.inputWaiters, state.reader)
    }
    last.0?.task.cancel()
    last.1.forEach { $0.resume() }
    last.2?.resume(returning: nil)
  }

  /// What is to be shown and is there already; `nil` when there is nothing at the moment.
  public func availableOutput(maximum: Int = .max) -> [UInt8]? {
    let bytes = state.withLock { Self.take(&$0, maximum) }
    return bytes.isEmpty ? nil : bytes
  }

  /// What is to be shown next; `nil` once the console has ended. One caller at a time.
  public func output(maximum: Int = .max) async -> [UInt8]? {
    drained()
    return await withCheckedContinuation { continuation in
      let (bytes, hasEnded) = state.withLock { state -> ([UInt8], Bool) in
        let bytes = Self.take(&state, maximum)
        if bytes.isEmpty, !state.hasEnded { state.reader = continuation }
        return (bytes, state.hasEnded)
      }
      if !bytes.isEmpty {
        continuation.resume(returning: bytes)
      } else if hasEnded {
        continuation.resume(returning: nil)
      }
    }
  }

  private static func take(_ state: inout State, _ maximum: Int) -> [UInt8] {
    guard state.output.count > maximum else {
      defer { state.output = [] }
      return state.output
    }
    defer { state.output.removeFirst(maximum) }
    return Array(state.output.prefix(maximum))
  }

  /// What was written has been taken by the reader: a long listing goes on.
  private func drained() {
    let isDue = state.withLock { state in
      guard state.output.isEmpty, state.hasUndrained else { return false }
      state.hasUndrained = false
      return true
    }
    if isDue { step { console, actions in console.outputDrained(into: &actions) } }
  }

  /// Calls the console, feeds it what waits, and carries out what it wants.
  private func step(_ body: (inout Console, inout Console.Actions) -> Void) {
    let (calls, reader, bytes, waiters) = state.withLock { state in Self.turn(&state, lineEnd, body) }
    for (number, call) in calls { perform(call, number) }
    for waiter in waiters { waiter.resume() }
    if let reader { reader.resume(returning: bytes) }
  }

  private typealias Outcome = (
    calls: [(UInt64, ConsoleCall)], reader: CheckedContinuation<[UInt8]?, Never>?, bytes: [UInt8]?,
    waiters: [CheckedContinuation<Void, Never>]
  )

  private static func turn(
    _ state: inout State, _ lineEnd: [UInt8], _ body: (inout Console, inout Console.Actions) -> Void
  ) -> Outcome {
    guard !state.hasEnded else { return ([], nil, nil, []) }
    var actions = Console.Actions()
    body(&state.console, &actions)
    var index = 0
    while index < state.input.count, state.console.takesInput, !actions.hasEnded {
      state.console.receive(state.input[index], into: &actions)
      index += 1
    }
    state.input.removeFirst(index)
    if state.isInputClosed, state.input.isEmpty, state.console.isIdle, !actions.hasEnded { actions.hasEnded = true }
    var start = 0
    for index in actions.output.indices where actions.output[index] == 0x0A {
      state.output.append(contentsOf: actions.output[start..<index])
      state.output.append(contentsOf: lineEnd)
      start = index + 1
    }
    state.output.append(contentsOf: actions.output[start...])
    if !actions.output.isEmpty { state.hasUndrained = true }
    state.hasEnded = actions.hasEnded
    var outcome: Outcome = (actions.requests.map { ($0.number, $0.request) }, nil, nil, [])
    if state.reader != nil, !state.output.isEmpty || state.hasEnded {
      outcome.reader = state.reader
      state.reader = nil
      let bytes = take(&state, .max)
      outcome.bytes = bytes.isEmpty ? nil : bytes
    }
    if state.input.isEmpty || state.hasEnded {
      outcome.waiters = state.inputWaiters
      state.inputWaiters = []
    }
    return outcome
  }

  private func perform(_ call: ConsoleCall, _ number: UInt64) {
    let task = Task { [self] in
      let answer = await backend.perform(call)
      step { console, actions in console.resume(answer, for: number, into: &actions) }
    }
    state.withLock { state in
      if state.hasEnded { task.cancel() } else { state.task = (number, task) }
    }
  }
}
