import Foundation

/// One connection to a worker: a line in, a line out.
struct FixtureConversation {
  private let worker: FixtureWorker
  private let connection: Int32

  init(_ worker: FixtureWorker, _ connection: Int32) {
    self.worker = worker
    self.connection = connection
  }

  func run() {
    var input: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(connection, &part, part.count, 0)
      guard count > 0 else { return }
      input += part.prefix(count)
      while let end = input.firstIndex(of: 0x0A) {
        let words = String(decoding: input[..<end], as: UTF8.self).split(separator: " ").map(String.init)
        input.removeSubrange(...end)
        let answer = Array((answer(to: words) + "\n").utf8)
        guard send(connection, answer, answer.count, 0) == answer.count else { return }
      }
    }
  }

  private func answer(to words: [String]) -> String {
    let argument = words.dropFirst().first ?? ""
    switch words.first {
    case "pid": return "\(getpid())"
    case "greeting": return worker.state.withLock { $0.greeting }
    case "generation": return worker.state.withLock { "\($0.generation)" }
    case "ask": return worker.ask(argument)
    case "crash": fatalError("told to crash")
    case "exit": exit(Int32(argument) ?? 0)
    case "hang":
      // More than Swift has threads for.
      for _ in 0..<256 { Task.detached { while true { _ = sleep(1000) } } }
      return "hanging"
    case "garble":
      // What an attacker could send who has taken this process over; 3 is the channel.
      let packets: [[UInt8]] = ["begin": [1, 0, 0, 0, 1], "future": [17, 0, 0, 9, 9], "unknown": [200]].filter {
        $0.key == argument
      }.map(\.value)
      for packet in packets { _ = send(3, packet, packet.count, 0) }
      return "sent"
    case "flood":
      let packet: [UInt8] = [18, 0, 0, 0, 0]
      for _ in 0..<100_000 { _ = send(3, packet, packet.count, 0) }
      return "sent"
    case "leave": return result(shutdown(3, Int32(SHUT_RDWR)))
    case "open": return result(open(argument, O_RDONLY))
    case "create": return result(open(argument, O_RDWR | O_CREAT, 0o600))
    case "mount": return result(mount("none", argument, "tmpfs", 0, nil))
    case "signal": return result(kill(Int32(argument) ?? 0, 0))
    case "root": return result(setuid(0))
    case "bind": return bindAnyPort()
    case "spawn":
      var pid: pid_t = 0
      var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("true"), nil]
      let failed = posix_spawn(&pid, "/bin/true", nil, nil, &arguments, nil)
      return failed == 0 ? "ok" : String(cString: strerror(failed))
    default: return "what?"
    }
  }

  private func bindAnyPort() -> String {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    let answer = result(bound)
    close(number)
    return answer
  }

  private func result(_ value: Int32) -> String {
    value >= 0 ? "ok" : String(cString: strerror(errno))
  }
}
