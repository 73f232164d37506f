import Glibc
import NIOCore
import RDPCore
import Services
import SystemShims
import Transport

/// Runs the shell of the user that the server runs as: for `portside try` and for servers without root.
public struct OwnUserShell: ConsoleSource {
  private let shell: String
  private let home: String
  private let path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

  public init() {
    let entry = getpwuid(getuid())
    shell = entry.map { String(cString: $0.pointee.pw_shell) } ?? "/bin/sh"
    home = entry.map { String(cString: $0.pointee.pw_dir) } ?? "/"
  }

  public func start(
    columns: Int, rows: Int, for account: AccountIdentity, on connection: Connection
  ) async -> (any ConsoleProgram)? {
    var (master, slave): (Int32, Int32) = (-1, -1)
    guard portside_open_terminal(&master, &slave) == 0 else { return nil }
    defer { close(slave) }
    _ = portside_set_terminal_size(slave, UInt16(clamping: columns), UInt16(clamping: rows), 0, 0)
    _ = fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK)
    let name = shell.split(separator: "/").last.map(String.init) ?? "sh"
    let environment = [
      "HOME=\(home)", "USER=\(account.name)", "LOGNAME=\(account.name)", "SHELL=\(shell)", "PATH=\(path)",
      "TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8",
    ]
    let process = CStrings.with(["-\(name)"]) { arguments in
      CStrings.with(environment) { environment in
        shell.withCString { path in
          home.withCString { directory in
            var program = portside_program(
              path: path, arguments: arguments, environment: environment, directory: directory, input: slave,
              output: slave, error: slave, has_terminal: 1, changes_user: 0, user: 0, group: 0)
            return portside_start_program(&program)
          }
        }
      }
    }
    guard process > 0 else {
      close(master)
      return nil
    }
    return await TerminalProcess.run(process: process, terminal: master, on: connection.eventLoop)
  }
}
