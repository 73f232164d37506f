/// Something that the configuration's author should know.
public struct Finding: Hashable, Sendable {
  public enum Severity: String, Hashable, Sendable, Codable {
    /// The configuration can't be used.
    case error
    /// It can be used, and probably does not do what is meant.
    case warning
  }

  public var severity: Severity
  public var position: TOMLPosition
  /// The value it is about, where there is one.
  public var path: ConfigurationPath?
  /// One line. It never quotes a value that can be a secret.
  public var message: String
  /// What to do about it.
  public var hint: String?
  /// The line may hold a secret: what stands at and behind the position must not be shown.
  public var hidesValue: Bool

  public init(
    _ severity: Severity, at position: TOMLPosition, path: ConfigurationPath? = nil, _ message: String,
    hint: String? = nil, hidesValue: Bool = false
  ) {
    self.severity = severity
    self.position = position
    self.path = path
    self.message = message
    self.hint = hint
    self.hidesValue = hidesValue
  }

  /// `file:line:column: error: message; hint`, or `PORTSIDE_…: error: …` for what the environment set.
  public func description(file: String) -> String {
    let place = position.origin ?? "\(file):\(position.line):\(position.column)"
    return "\(place): \(severity.rawValue): \(message)" + (hint.map { "; \($0)" } ?? "")
  }
}

/// What a check of typed values found: it knows the value's path, and the loader knows where that stands.
public struct Problem: Hashable, Sendable {
  public var severity: Finding.Severity
  public var path: ConfigurationPath
  public var message: String
  public var hint: String?
  /// Other values that the judgement rests on: if one of them could not be read, there is none.
  public var basis: [ConfigurationPath]

  public init(
    _ path: ConfigurationPath, _ message: String, hint: String? = nil, severity: Finding.Severity = .error,
    basis: [ConfigurationPath] = []
  ) {
    self.severity = severity
    self.path = path
    self.message = message
    self.hint = hint
    self.basis = basis
  }

  /// The same problem, seen from outside of `prefix`.
  func below(_ prefix: ConfigurationPath) -> Problem {
    var problem = self
    problem.path = prefix.appending(path)
    problem.basis = basis.map { prefix.appending($0) }
    return problem
  }
}
