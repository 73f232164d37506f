import Services
import WireKit

/// What workers ask of the supervisor.
extension SupervisorLoop {
  /// Questions of one worker that may wait at a time; more are answered with nothing.
  private static let questionLimit = 32

  /// Has a question answered, which takes as long as it takes.
  func answer(_ worker: Worker, _ packet: ControlPacket) {
    guard let answerer = options.answerer, worker.questions < Self.questionLimit, let pid = worker.process?.pid else {
      return send([], packet.generation, to: worker)
    }
    worker.questions += 1
    let name = worker.plan.name
    Task { [mailbox] in
      let bytes = await answerer(name, packet.body)
      mailbox.post(.answered(name, pid: pid, number: packet.generation, bytes))
    }
  }

  /// The answer is there. A process that has ended meanwhile does not need it.
  func answered(_ name: WorkerName, _ pid: Int32, _ number: UInt32, _ bytes: [UInt8]) {
    let asker = (workers + retired).first { $0.plan.name == name && $0.process?.pid == pid }
    guard let asker else { return }
    asker.questions -= 1
    send(bytes, number, to: asker)
  }

  private func send(_ bytes: [UInt8], _ number: UInt32, to worker: Worker) {
    var rest = bytes[...]
    while rest.count > ControlPacket.bodyLimit {
      worker.packets?.append(ControlPacket(.answerPart, number, Array(rest.prefix(ControlPacket.bodyLimit))))
      rest = rest.dropFirst(ControlPacket.bodyLimit)
    }
    worker.packets?.append(ControlPacket(.answer, number, Array(rest)))
    // Should the channel be broken, the worker's end is noticed where packets are read.
    try? worker.packets?.flush()
  }
}
