import Foundation
import Supervision
import Synchronization

/// A worker that serves lines over its stream sockets: see `FixtureConversation`.
final class FixtureWorker: Sendable {
  /// A listening socket; its thread ends, and closes it, once this is cancelled.
  fileprivate final class Listener: Sendable {
    let isCancelled = Atomic(false)
  }

  struct State {
    var greeting = ""
    var generation: UInt32 = 0
    var connections = 0
    var isDraining = false
    var isStubborn = false
    fileprivate var listeners: [InheritedSocket.Identity: Listener] = [:]
  }

  private let channel: WorkerChannel
  let state = Mutex(State())

  private init(_ channel: WorkerChannel) { self.channel = channel }

  static func run() -> Never {
    let worker = FixtureWorker(WorkerBootstrap.start())
    Task.detached {
      for await command in worker.channel.commands { worker.obey(command) }
    }
    while true { pause() }
  }

  /// What the supervisor answers; on a connection's own thread, which waits.
  func ask(_ question: String) -> String {
    let (box, isThere) = (AnswerBox(), DispatchSemaphore(value: 0))
    Task.detached { [channel] in
      let bytes = await channel.ask(Array(question.utf8), within: .seconds(5))
      box.text.withLock { $0 = bytes.map { String(decoding: $0, as: UTF8.self) } ?? "(none)" }
      isThere.signal()
    }
    isThere.wait()
    return box.text.withLock { $0 }
  }

  private final class AnswerBox: Sendable {
    let text = Mutex("")
  }

  private func obey(_ command: WorkerCommand) {
    switch command {
    case .configure(let configuration): configure(configuration)
    case .drain:
      state.withLock { state in
        for listener in state.listeners.values { listener.isCancelled.store(true, ordering: .relaxed) }
        state.isDraining = true
      }
      leaveIfDone()
    }
  }

  private func configure(_ configuration: WorkerConfiguration) {
    guard let wanted = try? JSONDecoder().decode(FixtureConfiguration.self, from: Data(configuration.bytes)) else {
      channel.fail("the configuration is no JSON")
    }
    if wanted.fault == "exit" { channel.fail("told to fail") }
    if wanted.fault == "refuse" { return channel.refuse(configuration.generation, reason: "told to refuse") }
    state.withLock { state in
      let changes = configuration.changes(from: Set(state.listeners.keys))
      for identity in changes.removed {
        state.listeners.removeValue(forKey: identity)?.isCancelled.store(true, ordering: .relaxed)
      }
      for socket in changes.added {
        let listener = Listener()
        state.listeners[socket.identity] = listener
        for number in socket.descriptors {
          Thread.detachNewThread { self.accept(number, listener) }
        }
      }
      state.greeting = wanted.greeting
      state.generation = configuration.generation
      state.isStubborn = wanted.fault == "stubborn"
    }
    channel.ready(configuration.generation)
  }

  private func accept(_ number: Int32, _ listener: Listener) {
    var watched = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    while !listener.isCancelled.load(ordering: .relaxed) {
      guard poll(&watched, 1, 50) > 0 else { continue }
      let connection = Glibc.accept(number, nil, nil)
      guard connection >= 0 else { continue }
      state.withLock { $0.connections += 1 }
      Thread.detachNewThread {
        FixtureConversation(self, connection).run()
        close(connection)
        self.state.withLock { $0.connections -= 1 }
        self.leaveIfDone()
      }
    }
    close(number)
  }

  private func leaveIfDone() {
    let isDone = state.withLock { $0.isDraining && !$0.isStubborn && $0.connections == 0 }
    if isDone { exit(0) }
  }
}
