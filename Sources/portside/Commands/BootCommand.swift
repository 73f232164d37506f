import ArgumentParser
import Configuration
import Foundation

/// `portside boot`: machines that boot from the network, and how far each has come.
struct BootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot", abstract: "Network boot: which machine is at which step.", subcommands: [List.self, Show.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list",
      abstract: "Machines that have asked what to boot since the server started, with their last step.")
    @OptionGroup var options: ConfigurationOptions
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
      let machines = try BootCommand.machines(try options.load())
      if json { return try Terminal.print(json: machines) }
      var table = Table("hardware", "address", "architecture", "time", "last step")
      for machine in machines {
        let last = machine.steps.last
        table.add(
          machine.hardware, machine.address ?? "-", machine.architecture.map(String.init) ?? "-", last?.time ?? "-",
          last?.step ?? "-")
      }
      Terminal.print(table.text)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Every step of one machine.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its hardware address or its address.") var machine: String
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
      let wanted = machine.lowercased().filter { $0 != ":" && $0 != "-" }
      let found = try BootCommand.machines(try options.load()).first { $0.hardware == wanted || $0.address == machine }
      guard let found else { throw CommandFailure("no machine '\(machine)' has asked what to boot") }
      if json { return try Terminal.print(json: found) }
      var table = Table("time", "step")
      for step in found.steps { table.add(step.time, step.step) }
      Terminal.print(table.text)
    }
  }

  private static func machines(_ configuration: PortsideConfiguration) throws -> [BootTimeline.Machine] {
    let folder = DataFolder(configuration)
    try folder.becomeOwner()
    guard let content = FileManager.default.contents(atPath: folder.bootFile) else { return [] }
    var machines = try JSONDecoder().decode([BootTimeline.Machine].self, from: content)
    // What the web worker saw belongs to whichever machine had the address last.
    for fetch in BootFetches.read(folder.fetchFile) {
      guard let index = machines.lastIndex(where: { $0.address == fetch.address })
      else { continue }
      let step = BootTimeline.Machine.Step(time: fetch.time, step: fetch.step)
      // Fractions of a second differ in length, but the texts of RFC 3339 are in order all the same.
      let place = machines[index].steps.firstIndex { $0.time > step.time } ?? machines[index].steps.endIndex
      machines[index].steps.insert(step, at: place)
    }
    return machines
  }
}
