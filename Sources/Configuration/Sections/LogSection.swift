import Services

/// `[log]`: how and how much is logged.
public struct LogSection: ConfigurationRecord {
  public enum Format: String, ConfigurationChoice {
    case auto, human, json
  }

  public enum Level: String, ConfigurationChoice {
    case debug, info, notice, warning, error

    /// The least severe events that are logged.
    public var severity: Event.Severity {
      switch self {
      case .debug: .debug
      case .info: .info
      case .notice: .notice
      case .warning: .warning
      case .error: .error
      }
    }
  }

  public var format = Format.auto
  public var level = Level.info

  public init() {}

  public static let schema = Schema(LogSection(), "How and how much is logged, on standard error.") { keys in
    keys.key(
      "format", \.format, .choice, "How a log line looks.",
      details: "`\"auto\"`: for people on a terminal, JSON otherwise.", example: "\"auto\"")
    keys.key("level", \.level, .choice, "The least severe events that are logged.", example: "\"info\"")
  }
}
