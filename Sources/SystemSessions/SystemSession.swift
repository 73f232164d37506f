import Glibc
import SystemShims

/// One session of an account: from PAM's account management to the program's end.
final class SystemSession {
  /// The search path, where PAM's modules set none.
  private static let path = "/usr/local/bin:/usr/bin:/bin:/usr/games"
  /// The names under which PAM's rules for us are looked for, in this order; the last one stands for every remote log-in.
  private static let services = ["portside", "sshd", "remote", "login"]

  private let user: SystemUser
  private let request: SystemSessionRequest
  private let socket: MessageSocket
  private let executable: String
  private var pam: OpaquePointer?
  /// The terminal's name below `/dev`.
  private var line: String?

  init(_ user: SystemUser, _ request: SystemSessionRequest, _ socket: MessageSocket, executable: String) {
    self.user = user
    self.request = request
    self.socket = socket
    self.executable = executable
  }

  func run() -> Never {
    var terminal: (master: Int32, slave: Int32) = (-1, -1)
    if let wanted = request.terminal {
      guard portside_open_terminal(&terminal.master, &terminal.slave) == 0,
        portside_give_terminal(terminal.slave, user.user, user.group) == 0
      else { refuse("no terminal can be had") }
      _ = portside_set_terminal_size(terminal.slave, wanted.columns, wanted.rows, wanted.width, wanted.height)
      let count = Int32(min(wanted.opcodes.count, wanted.values.count))
      _ = portside_set_terminal_modes(terminal.slave, wanted.opcodes, wanted.values, count)
      line = Self.name(of: terminal.slave)
    }
    limitDescriptors()
    guard portside_take_groups(user.name, user.group) == 0 else { refuse("its groups can't be taken") }
    let words = openPAM()
    if case .shell = request.program, terminal.slave >= 0, !words.isEmpty { show(words, on: terminal.slave) }
    let program = start(terminal.slave)
    noteLogIn(program.process)
    let ends = terminal.master >= 0 ? [terminal.master] : program.ours
    let isTold = socket.send(SystemSessionReport.started, ends)
    for descriptor in ends + program.theirs + [terminal.slave] where descriptor >= 0 { close(descriptor) }
    if !isTold { kill(-program.process, SIGHUP) }
    let report = wait(for: program.process)
    socket.send(report)
    noteLogOut(program.process)
    if let pam { portside_pam_close(pam) }
    exit(0)
  }

  private func refuse(_ reason: String) -> Never {
    socket.send(SystemSessionReport.refused(reason))
    if let pam { portside_pam_close(pam) }
    exit(1)
  }

  // MARK: Before the program

  /// The server has many descriptors; a user's program gets what programs usually have.
  private func limitDescriptors() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = min(1024, limit.rlim_max)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  private static func name(of terminal: Int32) -> String? {
    var name = [CChar](repeating: 0, count: 128)
    guard ttyname_r(terminal, &name, name.count) == 0 else { return nil }
    let path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.hasPrefix("/dev/") ? String(path.dropFirst(5)) : path
  }

  /// Returns what PAM's modules have to say.
  private func openPAM() -> [UInt8] {
    let service = Self.services.first { access("/etc/pam.d/\($0)", R_OK) == 0 } ?? "other"
    var words = [CChar](repeating: 0, count: 16 * 1024)
    // Some modules want a terminal's name even where there is none.
    let outcome = portside_pam_open(
      service, user.name, request.host, line.map { "/dev/\($0)" } ?? "ssh", &words, words.count, &pam)
    let said = words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    // A system without PAM has accounts all the same.
    if outcome != 0, outcome != -ENOSYS {
      refuse("the system does not let this account in: \(String(decoding: said, as: UTF8.self))")
    }
    return said
  }

  private func show(_ words: [UInt8], on terminal: Int32) {
    var rest = words[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(terminal, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  private var environment: [[UInt8]] {
    var variables: [(name: String, value: String)] = [
      ("HOME", user.home), ("USER", user.name), ("LOGNAME", user.name), ("SHELL", user.shell), ("PATH", Self.path),
      ("SSH_CONNECTION", request.connection),
    ]
    if let terminal = request.terminal { variables.append(("TERM", terminal.type)) }
    if let line { variables.append(("SSH_TTY", "/dev/\(line)")) }
    var lines = request.environment + variables.map { Array("\($0.name)=\($0.value)".utf8) }
    if let pam, var place = portside_pam_environment(pam) {
      while let entry = place.pointee {
        lines.append(String(cString: entry).utf8.map { $0 })
        place += 1
      }
    }
    // Of several with one name the last counts: first the client's, then ours, then PAM's.
    var seen: Set<[UInt8]> = []
    return lines.reversed().filter { !$0.contains(0) && seen.insert(Array($0.prefix { $0 != 0x3D })).inserted }
      .reversed()
  }

  // MARK: The program

  private struct Started {
    var process: pid_t
    /// Our ends of the pipes: input, output, errors.
    var ours: [Int32] = []
    var theirs: [Int32] = []
  }

  private func start(_ terminal: Int32) -> Started {
    let shellName = user.shell.split(separator: "/").last.map(String.init) ?? "sh"
    let path: String
    let arguments: [[UInt8]]
    switch request.program {
    case .shell: (path, arguments) = (user.shell, [Array("-\(shellName)".utf8)])
    case .command(let command):
      (path, arguments) = (user.shell, [Array(shellName.utf8), Array("-c".utf8), command.filter { $0 != 0 }])
    case .files: (path, arguments) = (executable, ["portside", "sftp-server"].map { Array($0.utf8) })
    }
    var started = Started(process: -1)
    if terminal < 0 {
      for isInput in [true, false, false] {
        var ends: [Int32] = [-1, -1]
        guard portside_pipe(&ends, 256 * 1024) == 0 else { refuse("no pipes can be had") }
        started.ours.append(ends[isInput ? 1 : 0])
        started.theirs.append(ends[isInput ? 0 : 1])
      }
    }
    let descriptors = terminal < 0 ? started.theirs : [terminal, terminal, terminal]
    let result = CStrings.with(arguments) { arguments in
      CStrings.with(environment) { environment in
        path.withCString { path in
          user.home.withCString { home in
            var program = portside_program(
              path: path, arguments: arguments, environment: environment, directory: home, input: descriptors[0],
              output: descriptors[1], error: descriptors[2], has_terminal: terminal < 0 ? 0 : 1, changes_user: 1,
              user: user.user, group: user.group)
            return portside_start_program(&program)
          }
        }
      }
    }
    guard result > 0 else { refuse("\(path) can't be started: \(String(cString: strerror(-result)))") }
    started.process = result
    return started
  }

  /// Passes signals on until the program has ended. A worker that is gone hangs up.
  private func wait(for process: pid_t) -> SystemSessionReport {
    let watch = portside_open_process(process)
    socket.setNonBlocking()
    var isConnected = true
    while true {
      var descriptors = [pollfd(fd: watch, events: Int16(POLLIN), revents: 0)]
      if isConnected { descriptors.append(pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)) }
      if poll(&descriptors, nfds_t(descriptors.count), -1) < 0, errno != EINTR { break }
      if descriptors[0].revents != 0 { break }
      guard isConnected, descriptors[1].revents != 0 else { continue }
      isConnected = obey(process)
      if !isConnected { kill(-process, SIGHUP) }
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let number = status & 0x7F
    return number == 0
      ? .ended(code: UInt32(status >> 8 & 0xFF)) : .killed(signal: number, coreDumped: status & 0x80 != 0)
  }

  /// Carries out what the worker has said. Returns whether it is still there.
  private func obey(_ process: pid_t) -> Bool {
    while true {
      switch socket.receive(SystemSessionOrder.self) {
      case .message(.signal(let number), let descriptors):
        for descriptor in descriptors { close(descriptor) }
        kill(-process, number)
      case .nothing: return true
      case .end: return false
      }
    }
  }

  // MARK: The record of who is logged in

  private func noteLogIn(_ process: pid_t) {
    if let line { portside_note_session(process, line, user.name, request.host, 1) }
  }

  private func noteLogOut(_ process: pid_t) {
    if let line { portside_note_session(process, line, "", "", 0) }
  }
}

/// Byte strings as the NULL-ended array that execve(2) takes.
enum CStrings {
  static func with<Result>(
    _ strings: [[UInt8]], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: strings.count + 1)
    for (index, bytes) in strings.enumerated() {
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
      for (place, byte) in bytes.enumerated() { copy[place] = CChar(bitPattern: byte) }
      copy[bytes.count] = 0
      list[index] = copy
    }
    list[strings.count] = nil
    defer {
      for index in strings.indices { list[index]?.deallocate() }
      list.deallocate()
    }
    return body(list)
  }
}
