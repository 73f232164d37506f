import ArgumentParser
import Foundation
import SystemSessions

// A worker confines itself before any thread but this one exists, so it takes this way before anything else happens.
if CommandLine.arguments.dropFirst().first == "worker" {
  WorkerProcess.run()
}
// A session of an account of the operating system, and SFTP within one: neither has more than one thread.
switch CommandLine.arguments.dropFirst().first {
case "system-session": SessionHelper.run()
case "sftp-server": SystemFiles.serve()
default: break
}
Task {
  do {
    var command = try Portside.parseAsRoot()
    if var command = command as? any AsyncParsableCommand {
      try await command.run()
    } else {
      try command.run()
    }
    exit(0)
  } catch {
    // Wrong use is 2 here; the parser's own code for it is 64.
    guard Portside.exitCode(for: error) == .validationFailure else { Portside.exit(withError: error) }
    Terminal.note(Portside.fullMessage(for: error))
    exit(2)
  }
}
dispatchMain()
