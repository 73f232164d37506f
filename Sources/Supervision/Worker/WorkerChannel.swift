import Glibc
import Synchronization

/// A worker's end of the conversation with its supervisor.
///
/// When the supervisor's end closes, the process exits at once.
public final class WorkerChannel: Sendable {
  /// Which worker this process is.
  public let name: WorkerName
  /// What is in force.
  public let confinement: ConfinementReport
  /// The first configuration, then whatever comes. For one reader.
  public let commands: AsyncStream<WorkerCommand>
  private let socket: PacketSocket
  private let probe = Mutex<@Sendable () async -> Void>({})
  private let questions = WorkerQuestions()

  init(
    _ socket: PacketSocket, _ header: BeginHeader, _ first: WorkerConfiguration, _ confinement: ConfinementReport
  ) throws(SupervisionError) {
    name = header.worker
    self.confinement = confinement
    self.socket = socket
    let (commands, continuation) = AsyncStream.makeStream(of: WorkerCommand.self)
    self.commands = commands
    continuation.yield(.configure(first))
    let questions = questions
    try SystemThread.start("supervised") { Self.listen(socket, continuation, questions) }
    beat(every: .milliseconds(header.heartbeatMilliseconds))
  }

  /// Says that this configuration is served.
  public func ready(_ generation: UInt32) { say(ControlPacket(.ready, generation)) }

  /// Says that a reload's configuration can't be served, and that the worker goes on with what it had. At the start
  /// there is nothing to go on with: the supervisor ends it.
  public func refuse(_ generation: UInt32, reason: String) { say(ControlPacket(.refused, generation, text: reason)) }

  /// Says why the worker can't go on, and ends it.
  public func fail(_ reason: String) -> Never {
    say(ControlPacket(.failed, 0, text: reason))
    exit(1)
  }

  /// Has every heartbeat wait for this first: a hop over every event loop, say. While it doesn't return the worker
  /// counts as hung. Without it a heartbeat shows that Swift's own threads are not all blocked.
  public func watch(_ probe: @escaping @Sendable () async -> Void) {
    self.probe.withLock { $0 = probe }
  }

  /// Asks the supervisor. `nil` when there is no answer within the limit, or the question is too long for a packet.
  public func ask(_ question: [UInt8], within limit: Duration = .seconds(90)) async -> [UInt8]? {
    guard question.count <= ControlPacket.bodyLimit else { return nil }
    let questions = questions
    return await withCheckedContinuation { continuation in
      let number = questions.add(continuation)
      say(ControlPacket(.ask, number, question))
      Task.detached {
        try? await Task.sleep(for: limit)
        questions.giveUp(number)
      }
    }
  }

  private func say(_ packet: ControlPacket) {
    // A supervisor that is gone is noticed by the listening thread.
    _ = try? socket.send(packet, blocking: true)
  }

  private func beat(every interval: Duration) {
    Task.detached { [self] in
      while true {
        await probe.withLock { $0 }()
        // One that finds no room is not missed: the supervisor has others to read.
        _ = try? socket.send(ControlPacket(.heartbeat, 0), blocking: false)
        try? await Task.sleep(for: interval)
      }
    }
  }

  /// The listening thread: blocks in receive, and ends the process with the supervisor's end.
  private static func listen(
    _ socket: PacketSocket, _ commands: AsyncStream<WorkerCommand>.Continuation, _ questions: WorkerQuestions
  ) {
    var room = [UInt8](repeating: 0, count: ControlPacket.sizeLimit)
    var assembly = ConfigurationAssembly()
    do throws(SupervisionError) {
      while true {
        switch try socket.receive(into: &room, blocking: true) {
        case .packet(let packet, let descriptors):
          if packet.kind == .drain {
            let header = try packet.header(as: DrainHeader.self)
            commands.yield(.drain(.milliseconds(header.milliseconds)))
          } else if packet.kind == .answer || packet.kind == .answerPart {
            questions.take(packet)
          } else if let configuration = try assembly.take(packet, descriptors) {
            commands.yield(.configure(configuration))
          }
        case .nothing: continue
        // Not exit: handlers of other threads' making must not run while those threads work.
        case .end: _exit(0)
        }
      }
    } catch {
      let line = Array("portside worker: \(error)\n".utf8)
      _ = write(2, line, line.count)
      _exit(70)
    }
  }
}
