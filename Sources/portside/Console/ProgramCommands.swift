import Configuration
import ConsoleCore
import Gate
import Services

/// The console's commands in this program: the administration's verbs, what the gate knows, what each protocol declares.
enum ProgramCommands {
  static let certificates = Command(
    "show certificates", permission: "console:show", "the certificates of all services",
    columns: ["id", "names", "issuer", "until", "state", "services"])
  static let counters = Command(
    "show counters", [.init("NAME", .word, isOptional: true)], permission: "console:show",
    "the figures of all services, or those whose name has a part", columns: ["counter", "labels", "value"])
  static let log = Command(
    "show log", [.init("COUNT", .number(1...5000), isOptional: true)], permission: "console:show",
    "the newest events, 100 unless told otherwise", columns: ["time", "severity", "service", "message", "details"])
  static let logFollow = Command(
    "show log follow", permission: "console:show", "events as they come, until Ctrl-C", columns: log.columns,
    follows: true)
  static let configuration = Command(
    "show configuration", [.init("SECTION", .word, isOptional: true)], permission: "console:show",
    "what is set differently from the defaults, by the file or the console", columns: ["key", "value"])
  static let reload = Command(
    "reload", permission: "console:reload", "read the configuration file and the zones again, as SIGHUP does")
  /// Answered by the worker `access`, whose services connect to elsewhere anyway.
  static let probe = Command(
    "probe", [.init("URL")], permission: "console:probe", "look at a service through its own client, step by step",
    columns: ["step", "result", "ms"])
  static let processes = Command(
    "show processes", permission: "console:show", "the server's processes, as the supervisor sees them",
    columns: ["worker", "state", "process", "since", "restarts", "last exit"])

  /// All but the administration's verbs, which the gate adds.
  static let all =
    [certificates, counters, log, logFollow, configuration, reload, processes, probe] + ConfigureCommands.all
    + HostedServices.commands

  /// All: what a console completes and explains.
  static let tree = CommandTree(AdminVerb.commands + GateConsole.own + all)

  /// The prompt `ann@srv> `, and a word of welcome.
  static func settings(account: String, hostname: String) -> Console.Settings {
    let name = account.prefix { $0 != "@" }
    let host = hostname.prefix { $0 != "." }
    return Console.Settings(
      prompt: "\(name)@\(host)> ", greeting: "Portside \(Version.text) at \(hostname). Type ? for what may be typed.")
  }

  /// What a configuration sets differently from the defaults, key by key.
  static func rows(of configuration: PortsideConfiguration) -> [[String]] {
    ConfigurationDifference(from: PortsideConfiguration(), to: configuration).changes.compactMap { change in
      change.new.map { ["\(change.path)", "\($0)"] }
    }
  }
}
