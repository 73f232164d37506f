import Foundation
import Services
import Supervision

/// A supervisor that is its program's main business, with signals and the service manager.
enum FixtureSupervisor {
  static func run(file: String) async {
    do {
      let setup = try FixtureSetup.read(file)
      var options = SupervisorOptions()
      options.controlPath = setup.controlPath
      options.handlesSignals = true
      options.usesServiceManager = true
      options.restarts.firstDelay = .milliseconds(setup.firstDelayMilliseconds)
      options.restarts.longestDelay = .milliseconds(setup.longestDelayMilliseconds)
      options.restarts.failingAfter = setup.failingAfter
      options.drainLimit = .seconds(5)
      let supervisor = try await Supervisor.start(
        setup.plan, options: options, events: PrintingSink(), clock: SystemClock()
      ) {
        try FixtureSetup.read(file).plan
      }
      let status = try await supervisor.whenReady()
      FileHandle.standardOutput.write(try JSONEncoder().encode(status) + Data("\n".utf8))
      await supervisor.whenStopped()
    } catch {
      FileHandle.standardOutput.write(Data("error: \(error)\n".utf8))
      exit(1)
    }
  }
}
