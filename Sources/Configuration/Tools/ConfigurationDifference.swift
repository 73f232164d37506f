import Services

/// `config diff` and reload: what differs between two configurations, and whom it concerns.
public struct ConfigurationDifference: Hashable, Sendable {
  public struct Change: Hashable, Sendable {
    public var path: ConfigurationPath
    /// `nil` when the key had no value.
    public var old: PlainValue?
    /// `nil` when it has none any more.
    public var new: PlainValue?
  }

  /// In the order of the schema; keys that only the old one has come last.
  public let changes: [Change]
  /// Services whose listeners or sessions a reload must look at. Others go on as they are.
  public let affectedServices: Set<ServiceName>
  /// Changes that only a restart of the program brings about: `server.data`, `server.store` and the like.
  public let needsRestart: [ConfigurationPath]

  public var isEmpty: Bool { changes.isEmpty }

  public init(from old: PortsideConfiguration, to new: PortsideConfiguration) {
    var before: [(ConfigurationPath, PlainValue)] = []
    var after: [(ConfigurationPath, PlainValue)] = []
    Self.flatten(old.plain, .root, into: &before)
    Self.flatten(new.plain, .root, into: &after)
    let oldValues = Dictionary(before, uniquingKeysWith: { first, _ in first })
    let newValues = Dictionary(after, uniquingKeysWith: { first, _ in first })
    changes =
      after.filter { oldValues[$0.0] != $0.1 }.map { Change(path: $0.0, old: oldValues[$0.0], new: $0.1) }
      + before.filter { newValues[$0.0] == nil }.map { Change(path: $0.0, old: $0.1, new: nil) }
    needsRestart = changes.map(\.path).filter { Self.restartKeys.contains($0) }
    affectedServices = changes.reduce(into: []) { services, change in
      services.formUnion(Self.services(change.path, old, new))
    }
  }

  static let restartKeys = Set(
    ["data", "store", "store_password", "blobs", "blobs_secret", "key", "user"].map { ConfigurationPath("server", $0) })

  /// Tables are looked into; a list is one value.
  private static func flatten(
    _ value: PlainValue, _ path: ConfigurationPath, into list: inout [(ConfigurationPath, PlainValue)]
  ) {
    guard case .table(let entries) = value, path.components.isEmpty || !entries.isEmpty else {
      if case .table = value { return }
      list.append((path, value))
      return
    }
    for entry in entries { flatten(entry.value, path.appending(entry.key), into: &list) }
  }

  /// The services that run before or after, and that this key has to do with.
  private static func services(
    _ path: ConfigurationPath, _ old: PortsideConfiguration, _ new: PortsideConfiguration
  ) -> Set<ServiceName> {
    let sections = old.serviceSections() + new.serviceSections()
    let running = sections.filter(\.isActive)
    switch path.section {
    case "listen":
      let group = path.components.dropFirst().first
      return union(running.filter { section in section.on.contains { .key($0.description) == group } })
    case "tls": return union(running.filter(\.usesTLS))
    case "limits", "proxy_protocol": return union(running)
    case "server": return path == ConfigurationPath("server", "hostname") ? union(running) : []
    case .some(let name): return union(running.filter { $0.name == name })
    case nil: return []
    }
  }

  private static func union(_ sections: [AnyServiceSection]) -> Set<ServiceName> {
    sections.reduce(into: []) { $0.formUnion($1.services) }
  }
}

/// One line for each change: `- smtp.max_size = "35MB"`, `+ smtp.max_size = "10MB"`.
extension ConfigurationDifference: CustomStringConvertible {
  public var description: String {
    changes.flatMap { change in
      [change.old.map { "- \(change.path) = \($0)" }, change.new.map { "+ \(change.path) = \($0)" }].compactMap { $0 }
    }.joined(separator: "\n")
  }
}
