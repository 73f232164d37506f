import ArgumentParser
import Foundation

// A worker confines itself before any thread but this one exists, so it takes this way before anything else happens.
if CommandLine.arguments.dropFirst().first == "worker" {
  WorkerProcess.run()
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
