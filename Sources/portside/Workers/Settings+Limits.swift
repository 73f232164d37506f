import Configuration
import Operation
import Services
import Transport

extension SourceLimits {
  /// `[limits]` of the configuration.
  init(_ section: LimitsSection) {
    self.init(
      maximumConnections: section.connections, maximumConnectionsPerSource: section.connectionsPerSource,
      connectionsPerSecond: section.connectionRate, v4PrefixLength: section.v4, v6PrefixLength: section.v6,
      exempt: section.exempt)
  }
}

extension LogWriter {
  /// The log of a worker, as the settings want it.
  convenience init(_ settings: WorkerSettings, clock: any Clock) {
    self.init(
      format: settings.logsJSON ? .json : .human(colours: settings.logsColours),
      threshold: settings.configuration.log.level.severity, clock: clock)
  }
}

extension StreamListenerConfiguration.TLSMode {
  /// The same in the configuration's words.
  init(_ mode: ListenerDeclaration.TLSMode) {
    switch mode {
    case .none: self = .none
    case .starttls: self = .starttls
    case .implicit: self = .implicit
    }
  }
}
