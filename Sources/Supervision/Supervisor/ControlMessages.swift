import FoundationEssentials

/// What the command line asks of a running supervisor.
public struct ControlRequest: Hashable, Sendable, Codable {
  public enum Command: String, Hashable, Sendable, Codable {
    case status, reload, stop
  }

  public var command: Command

  public init(_ command: Command) { self.command = command }

  /// From a line of JSON; `nil` when it is none, or of another command.
  init?(decoding line: some Collection<UInt8>) {
    guard let request = try? JSONDecoder().decode(Self.self, from: Data(line)) else { return nil }
    self = request
  }
}

/// What a supervisor answers.
public struct ControlAnswer: Hashable, Sendable, Codable {
  public var ok: Bool
  /// Why not.
  public var error: String?
  public var status: SupervisorStatus?
  public var reload: ReloadReport?

  /// Done.
  init() { ok = true }

  init(error: String) {
    ok = false
    self.error = error
  }

  init(status: SupervisorStatus) {
    ok = true
    self.status = status
  }

  init(reload: Result<ReloadReport, SupervisionError>) {
    switch reload {
    case .success(let report):
      ok = true
      self.reload = report
    case .failure(let failure):
      ok = false
      error = failure.description
    }
  }

  /// One line of JSON without its end.
  var encoded: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else { return Array(#"{"ok":false,"error":"encoding"}"#.utf8) }
    return Array(data)
  }
}
