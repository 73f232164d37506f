/// Reads a configuration: text in, typed values and findings out. It touches neither files nor the environment itself.
public struct ConfigurationLoader: Sendable {
  /// Variables that begin with `PORTSIDE_` and mean something else, such as where the file is.
  public var ignoredVariables: Set<String>

  public init(ignoredVariables: Set<String> = []) { self.ignoredVariables = ignoredVariables }

  /// Reads the content of the file `name`, with `overlay` and then the variables of `environment` laid over it.
  ///
  /// All findings are collected. After a syntax error there is only that, and what came before it.
  public func load(
    _ text: String, name: String, environment: [String: String] = [:],
    overlay: ConfigurationOverlay = ConfigurationOverlay()
  ) -> LoadedConfiguration {
    load(Array(text.utf8), name: name, environment: environment, overlay: overlay)
  }

  /// The same, from bytes that may not even be UTF-8.
  public func load(
    _ bytes: [UInt8], name: String, environment: [String: String] = [:],
    overlay: ConfigurationOverlay = ConfigurationOverlay()
  ) -> LoadedConfiguration {
    let schema = PortsideConfiguration.schema
    let outcome = TOMLDocument.parse(bytes)
    var findings = outcome.errors.map { Finding(.error, at: $0.position, $0.message, hint: $0.hint) }
    var loaded = LoadedConfiguration(name: name, source: bytes)
    loaded.documentErrorLines = Set(outcome.errors.map(\.position.line))
    guard var root = outcome.document?.root else {
      loaded.findings = Self.sorted(findings)
      return loaded
    }
    loaded.document = root
    findings += overlay.apply(to: &root)
    let overrides = EnvironmentOverrides(schema.description)
    findings += overrides.apply(environment, except: ignoredVariables, to: &root)
    var decoding = Decoding(catalogue: schema.description)
    let configuration = schema.decode(root, at: TOMLPosition(line: 1, column: 1), .root, &decoding)
    loaded.positions = decoding.positions
    findings += decoding.findings
    loaded.valueFindings = decoding.findings
    if let configuration {
      let failed = decoding.findings.compactMap { $0.path?.field }
      for problem in configuration.validate() where !Self.rests(problem, on: failed) {
        findings.append(
          Finding(
            problem.severity, at: loaded.position(of: problem), path: problem.path,
            "\(problem.path): \(problem.message)", hint: problem.hint))
      }
    }
    loaded.findings = Self.sorted(findings)
    if !loaded.hasErrors { loaded.configuration = configuration }
    return loaded
  }

  /// Whether the judgement needs a value that could not be read.
  private static func rests(_ problem: Problem, on failed: [ConfigurationPath]) -> Bool {
    (problem.basis + [problem.path]).map(\.field).contains { needed in
      failed.contains { $0.starts(with: needed) || needed.starts(with: $0) }
    }
  }

  private static func sorted(_ findings: [Finding]) -> [Finding] {
    findings.enumerated().sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }.map(\.element)
  }
}

/// What became of a configuration file.
public struct LoadedConfiguration: Sendable {
  /// The file's name, as findings show it.
  public let name: String
  /// `nil` when there is an error among the findings.
  public internal(set) var configuration: PortsideConfiguration?
  /// In the order of the file, then the environment's by name.
  public internal(set) var findings: [Finding] = []
  /// Where each value that is not a default stands.
  public internal(set) var positions: [ConfigurationPath: TOMLPosition] = [:]
  /// Those of the findings that concern a value by itself: not how values go together.
  public internal(set) var valueFindings: [Finding] = []
  let source: [UInt8]
  /// Lines whose TOML is wrong: what stands there was not decoded.
  var documentErrorLines: Set<Int> = []
  /// What stands in the file itself.
  var document = TOMLTable()

  init(name: String, source: [UInt8]) {
    self.name = name
    self.source = source
  }

  /// Where the file has this key, or the object that it would belong to: `portside.toml:12:3`. `nil` when the file has neither.
  public func owner(of path: ConfigurationPath) -> String? {
    ConfigurationOverlay.owner(of: path, in: document).map { "\(name):\($0.line):\($0.column)" }
  }

  public var hasErrors: Bool { findings.contains { $0.severity == .error } }

  /// Where a problem's value stands; when that is a default, where one stands that it does not agree with.
  func position(of problem: Problem) -> TOMLPosition {
    positions[problem.path] ?? problem.basis.filter { $0.components.count > 1 }.compactMap { positions[$0] }.first
      ?? position(of: problem.path)
  }

  /// Where a value stands, or what holds it; the file's beginning for what is only a default.
  func position(of path: ConfigurationPath) -> TOMLPosition {
    var path = path
    while !path.components.isEmpty {
      if let position = positions[path] { return position }
      path = path.parent
    }
    return TOMLPosition(line: 1, column: 1)
  }

  /// A finding on one line: `portside.toml:12:3: error: …`.
  public func describe(_ finding: Finding) -> String { finding.description(file: name) }
}
