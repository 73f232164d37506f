import Glibc
import Services
import SystemShims

/// The process that a session of an operating system's account has beside its program: `portside system-session`, started by the
/// supervisor as root for each connection to the helper's socket.
///
/// It believes nothing but the gate's ticket. It opens the PAM session and the terminal, starts the program as the account,
/// waits for its end, and closes what it has opened. It has one thread, and parses nothing that a client has sent.
public enum SessionHelper {
  /// The standard descriptors that the supervisor gives it: the connection as 0, the ticket's key to read as 1, the log as 2.
  private static let connectionNumber: Int32 = 0
  private static let keyNumber: Int32 = 1
  /// How long the worker may take to say what it wants.
  private static let requestLimit = 20

  /// Serves one session. Never returns.
  ///
  /// - Parameter executable: This program, which serves SFTP as the account.
  public static func run(executable: String = "/proc/self/exe") -> Never {
    signal(SIGPIPE, SIG_IGN)
    let key = Secret(readKey())
    let socket = MessageSocket(owning: fcntl(connectionNumber, F_DUPFD_CLOEXEC, 3))
    // What the program must never see: the connection and the key.
    let nothing = open("/dev/null", O_RDWR)
    dup2(nothing, connectionNumber)
    dup2(nothing, keyNumber)
    if nothing > 2 { close(nothing) }
    socket.setTimeLimit(seconds: requestLimit)
    guard case .message(let request, let descriptors) = socket.receive(SystemSessionRequest.self) else { exit(1) }
    for descriptor in descriptors { close(descriptor) }
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    guard let ticket = SessionTicket(request.ticket, key: key, now: WallTime(seconds: Int64(now.tv_sec))) else {
      socket.send(SystemSessionReport.refused("the gate's word for this session is missing or too old"))
      exit(1)
    }
    guard let user = SystemUser(ticket.user) else {
      socket.send(SystemSessionReport.noSuchAccount)
      exit(0)
    }
    guard user.user != 0 else {
      socket.send(SystemSessionReport.refused("root has no sessions here: log in as yourself"))
      exit(1)
    }
    SystemSession(user, request, socket, executable: executable).run()
  }

  private static func readKey() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(keyNumber, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
  }
}

/// An account of the operating system.
struct SystemUser {
  var name: String
  var user: uid_t
  var group: gid_t
  var home: String
  var shell: String

  init?(_ name: String) {
    guard !name.isEmpty, !name.hasPrefix("-"), let entry = getpwnam(name)?.pointee else { return nil }
    self.name = String(cString: entry.pw_name)
    (user, group) = (entry.pw_uid, entry.pw_gid)
    home = String(cString: entry.pw_dir)
    let shell = String(cString: entry.pw_shell)
    self.shell = shell.isEmpty ? "/bin/sh" : shell
  }
}
