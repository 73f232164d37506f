import ArgumentParser
import Configuration
import Foundation
import Services
import Supervision

/// `portside try`: a laboratory on loopback, in one command and without root.
struct TryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "try", abstract: "A laboratory on this machine: every service, on loopback, without root.",
    discussion: """
      Makes a folder with a domain, two accounts, a certificate authority, a zone, a site; starts every service on its own
      port plus 10000, and stays until it is interrupted. A second start keeps the data.

      Examples:
        portside try --data /tmp/lab
        portside try --ports 0 --json       free ports, and one line of JSON once everything answers
      """)

  @Option(help: "The folder of the data; made when it is missing.") var data = "./portside-data"
  @Option(help: "10000 adds that to every port; 0 takes free ones.") var ports: UInt16 = 10_000
  @Option(
    help: ArgumentHelp(
      "What goes wrong: `SERVICE=refuse`, `drop`, `delay:TIME`, `close:BYTES`, `corrupt:BYTES`; or `smtp.rcpt=451`, where 0 is silence. May be repeated.",
      valueName: "fault"))
  var fail: [String] = []
  @Flag(help: "One line of JSON on standard output, once everything answers.") var json = false
  @Option(
    help: ArgumentHelp(
      "A folder whose content the data begins with.",
      discussion:
        "`site/` and `zones/` are copied as they are; `accounts.json` is a list of {\"name\", \"password\", \"roles\"}."
    ))
  var seed: String?

  func run() async throws {
    guard ports == 0 || ports >= 1024, ports <= 60_000 else {
      throw ValidationError("--ports is 0, or a number from 1024 to 60000 to add to each port")
    }
    let path = URL(fileURLWithPath: data).standardizedFileURL.path
    Terminal.note("data: \(path)")
    let laboratory = try await Laboratory.open(path: path, seed: seed)
    let (ports, faults) = (ports, fail)
    // Chosen once: a reload must not move the listeners.
    let dnsPort = ports == 0 ? try PortsideConfiguration.freePort() : 0
    let server = try await RunningServer.start(laboratory.file, isLaboratory: true) {
      try laboratory.configuration(ports: ports, dnsPort: dnsPort, faults: faults, overlay: $0)
    }
    let status: SupervisorStatus
    do {
      status = try await server.supervisor.whenReady()
    } catch {
      server.log.flush()
      throw CommandFailure("\(error)")
    }
    let report = LaboratoryReport(laboratory, server.composition, status)
    if json { Terminal.print(try Terminal.json(report)) } else { Terminal.print(report.text) }
    if let failure = report.failure {
      Terminal.note("portside: \(failure)")
      await server.supervisor.stop()
      throw ExitCode(1)
    }
    await server.supervisor.whenStopped()
    server.log.flush()
  }
}
