import Glibc
import NIOCore
import NIOPosix
import RDPCore
import Services
import Synchronization
import SystemShims

/// An X session of its own: a server without a screen, a window manager, a terminal; it lives until its person logs off.
///
/// One shell holds all of it: it ends when its standard input does, which happens when this process is gone in whatever
/// way, so that no session is left over that nobody can find again.
final class XDesktop: DesktopProgram {
  /// What is started, and from where.
  struct Programs: Sendable {
    /// The X server, and how it is told the size: Xvnc and Xvfb differ.
    var server: String
    var isVNC: Bool
    var home: String
    var shell: String
    var user: String

    private static let folders = ["/usr/local/bin", "/usr/bin", "/bin"]

    static func find(_ name: String) -> String? {
      folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// `nil` when there is no X server on this machine.
    static func found() -> Programs? {
      let entry = getpwuid(getuid())
      let home = entry.map { String(cString: $0.pointee.pw_dir) } ?? "/"
      let shell = entry.map { String(cString: $0.pointee.pw_shell) } ?? "/bin/sh"
      let user = entry.map { String(cString: $0.pointee.pw_name) } ?? "nobody"
      if let server = find("Xvfb") {
        return Programs(server: server, isVNC: false, home: home, shell: shell, user: user)
      }
      if let server = find("Xvnc") {
        return Programs(server: server, isVNC: true, home: home, shell: shell, user: user)
      }
      return nil
    }
  }

  struct Failure: Error { let diagnosis: String }

  private let shell: pid_t
  /// The shell's standard input: closed, it ends everything.
  private let leash: Int32
  private let folder: String
  private let connection: NIOLoopBound<XConnection>
  private let channel: any Channel
  private let isOver = Mutex(false)

  private init(
    shell: pid_t, leash: Int32, folder: String, connection: NIOLoopBound<XConnection>, channel: any Channel
  ) {
    self.shell = shell
    self.leash = leash
    self.folder = folder
    self.connection = connection
    self.channel = channel
  }

  var isRunning: Bool { isOver.withLock { !$0 } }

  /// The session: the user's own `.xsession`, or the window manager that is there, with a terminal. Who leaves it ends it.
  private static let script = """
    "$@" &
    server=$!
    read -r display || { kill $server; exit 1; }
    (
      DISPLAY=":$display"; export DISPLAY
      cd "$HOME" || cd /
      if [ -x "$HOME/.xsession" ]; then "$HOME/.xsession"
      else
        terminal= manager=
        for name in xterm x-terminal-emulator; do command -v $name >/dev/null && { terminal=$name; break; }; done
        for name in jwm icewm x-window-manager openbox fluxbox twm; do
          command -v $name >/dev/null && { manager=$name; break; }
        done
        if [ -n "$manager" ]; then [ -n "$terminal" ] && $terminal & $manager
        else [ -n "$terminal" ] && $terminal
        fi
      fi
      kill $server
    ) </dev/null >/dev/null 2>&1 &
    cat >/dev/null
    kill $server
    wait
    """

  /// Starts all of it; fails with what was missing.
  static func start(_ programs: Programs, width: Int, height: Int, on eventLoop: any EventLoop) async throws -> XDesktop
  {
    var generator = SystemRandomNumberGenerator()
    let cookie = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let begun = try await NIOThreadPool.singleton.runIfActive {
      try begin(programs, cookie: cookie, width: width, height: height)
    }
    do {
      let ready = eventLoop.makePromise(of: Void.self)
      let handler = NIOLoopBoundBox.makeBoxSendingValue(XConnection(cookie: cookie, ready: ready), eventLoop: eventLoop)
      let channel: any Channel
      do {
        channel = try await ClientBootstrap(group: eventLoop).channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler.value) }
        }.connect(unixDomainSocketPath: "/tmp/.X11-unix/X\(begun.display)").get()
      } catch {
        ready.fail(error)
        throw error
      }
      try await ready.futureResult.get()
      let bound = try await eventLoop.submit { NIOLoopBound(handler.value, eventLoop: eventLoop) }.get()
      let desktop = XDesktop(
        shell: begun.shell, leash: begun.leash, folder: begun.folder, connection: bound, channel: channel)
      channel.closeFuture.whenComplete { _ in desktop.end() }
      // The display is drawn on by others only now, so that nothing is missed.
      var line = Array("\(begun.display)\n".utf8)
      _ = write(begun.leash, &line, line.count)
      return desktop
    } catch {
      finish(shell: begun.shell, leash: begun.leash, folder: begun.folder)
      throw error
    }
  }

  private struct Begun: Sendable {
    var shell: pid_t
    var leash: Int32
    var folder: String
    var display: Int
  }

  /// Blocks until the X server has told the number of its display.
  private static func begin(_ programs: Programs, cookie: [UInt8], width: Int, height: Int) throws -> Begun {
    let folder = try makeFolder(cookie)
    var (input, output): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
    guard pipe(&input) == 0, pipe(&output) == 0 else {
      removeFolder(folder)
      throw Failure(diagnosis: "no pipe")
    }
    defer { for descriptor in [input[0], output[0], output[1]] where descriptor >= 0 { close(descriptor) } }
    for descriptor in input + output { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    let size = "\(width)x\(height)"
    let server =
      [programs.server, "-displayfd", "1", "-auth", "\(folder)/authority", "-nolisten", "tcp"]
      + (programs.isVNC
        ? ["-rfbport", "-1", "-SecurityTypes", "None", "-depth", "24", "-geometry", size]
        : ["-screen", "0", "\(size)x24", "-noreset"])
    let environment = [
      "HOME=\(programs.home)", "USER=\(programs.user)", "LOGNAME=\(programs.user)", "SHELL=\(programs.shell)",
      "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8", "XAUTHORITY=\(folder)/authority",
    ]
    let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(null) }
    let shell = CStrings.with(["sh", "-c", script, "sh"] + server) { arguments in
      CStrings.with(environment) { environment in
        "/bin/sh".withCString { path in
          var program = portside_program(
            path: path, arguments: arguments, environment: environment, directory: nil, input: input[0],
            output: output[1], error: null, has_terminal: 0, changes_user: 0, user: 0, group: 0)
          return portside_start_program(&program)
        }
      }
    }
    guard shell > 0 else {
      close(input[1])
      removeFolder(folder)
      throw Failure(diagnosis: "no shell")
    }
    guard let display = readNumber(output[0]) else {
      finish(shell: shell, leash: input[1], folder: folder)
      throw Failure(diagnosis: "the X server does not start")
    }
    return Begun(shell: shell, leash: input[1], folder: folder, display: display)
  }

  /// A line with a number, within ten seconds.
  private static func readNumber(_ descriptor: Int32) -> Int? {
    var line: [UInt8] = []
    for _ in 0..<100 {
      var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard Glibc.poll(&poll, 1, 100) > 0 else { continue }
      var byte: UInt8 = 0
      guard read(descriptor, &byte, 1) == 1 else { return nil }
      if byte == 10 { return Int(String(decoding: line, as: UTF8.self)) }
      line.append(byte)
      guard line.count < 12 else { return nil }
    }
    return nil
  }

  /// A folder of its own with the display's secret, in the form that X libraries read: for any address and any number.
  private static func makeFolder(_ cookie: [UInt8]) throws -> String {
    var template = Array("/tmp/portside-x-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(diagnosis: "no folder for the display's secret") }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let name = Array("MIT-MAGIC-COOKIE-1".utf8)
    let entry: [UInt8] = [0xFF, 0xFF, 0, 0, 0, 0, 0, UInt8(name.count)] + name + [0, UInt8(cookie.count)] + cookie
    let file = open("\(folder)/authority", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    defer { if file >= 0 { close(file) } }
    guard file >= 0, write(file, entry, entry.count) == entry.count else {
      removeFolder(folder)
      throw Failure(diagnosis: "no file for the display's secret")
    }
    return folder
  }

  private static func removeFolder(_ folder: String) {
    unlink("\(folder)/authority")
    rmdir(folder)
  }

  // MARK: The end

  private func end() {
    let isFirst = isOver.withLock { isOver in
      defer { isOver = true }
      return !isOver
    }
    if isFirst { Self.finish(shell: shell, leash: leash, folder: folder) }
  }

  /// Ends what still runs, and takes the shell's exit status.
  private static func finish(shell: pid_t, leash: Int32, folder: String) {
    close(leash)
    removeFolder(folder)
    Task {
      for round in 0..<200 {
        if waitpid(shell, nil, WNOHANG) != 0 { return }
        if round == 50 { kill(-shell, SIGKILL) }
        try? await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  /// Ends the session.
  func shutDown() { channel.close(promise: nil) }

  // MARK: DesktopProgram

  private func onLoop(_ body: @escaping @Sendable (XConnection) -> Void) {
    let connection = connection
    channel.eventLoop.execute { body(connection.value) }
  }

  func attach(_ viewer: SessionID) { onLoop { $0.attach(viewer) } }
  func leave(_ viewer: SessionID) { onLoop { $0.leave(viewer) } }
  func refresh() { onLoop { $0.refresh() } }
  func take(_ events: [InputEvent], from viewer: SessionID) { onLoop { $0.take(events, from: viewer) } }
  func resize(width: Int, height: Int) {}

  func frame(for viewer: SessionID) async -> DesktopFrame {
    let promise = channel.eventLoop.makePromise(of: DesktopFrame.self)
    onLoop { $0.frame(for: viewer, promise) }
    return (try? await promise.futureResult.get()) ?? .ended
  }
}
