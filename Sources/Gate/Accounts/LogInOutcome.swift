import Services
import WireKit

/// One log-in as the metrics tell it: nothing here is a peer's word.
public struct LogInOutcome: Sendable, Hashable {
  public enum Result: String, Sendable {
    case granted, denied, penalised, unavailable
    case codeNeeded = "code-needed"
  }

  public var service: ServiceName
  public var method: String
  public var result: Result
  public var nanoseconds: Int64

  init(_ attempt: LogInAttempt, method: String? = nil, _ result: Result, since start: ContinuousClock.Instant) {
    service = attempt.service
    self.method = method ?? Self.method(attempt.credential)
    self.result = result
    nanoseconds = start.duration(to: .now).wholeNanoseconds
  }

  private static func method(_ credential: LogInAttempt.Credential) -> String {
    switch credential {
    case .password: "password"
    case .passwordAndCode: "password-and-code"
    case .scram: "scram"
    case .token: "token"
    case .provenPublicKey: "public-key"
    }
  }
}
