import Services
import Supervision
import WireKit

/// What the gate asks of the supervisor, over its control channel.
enum SupervisorQuestion: Codable, Sendable {
  case status
  case reload
  case configuration(ConfigurationRequest)
}

/// What the supervisor answers.
enum SupervisorAnswer: Codable, Sendable {
  case status(SupervisorStatus)
  case reloaded(ReloadReport)
  case rows([[String]])
  case done(String)
  case failure(String)
}

/// What can be done with the part of the configuration that the console keeps.
enum ConfigurationRequest: Codable, Sendable, Hashable {
  /// The candidate: keys with their values, and where each comes from.
  case show(String?)
  case keys
  case set(key: String, value: String)
  case delete(key: String)
  /// The candidate against the version so many back; 0 is the one in force.
  case compare(back: Int)
  /// Whether the candidate could be put into force.
  case check
  case commit(confirmMinutes: Int?, comment: String?, ConfigurationActor)
  case discard
  /// The candidate becomes the version so many back.
  case rollback(Int)
  case history
}

/// In whose name the configuration is changed.
struct ConfigurationActor: Codable, Sendable, Hashable {
  var account: String
  var session: SessionID?
  var service: ServiceName?
  var peer: Endpoint?

  /// What happens by itself.
  static let supervisor = ConfigurationActor(account: "supervisor")
}
