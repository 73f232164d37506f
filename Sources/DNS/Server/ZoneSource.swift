import DNSCore

/// Where a zone comes from.
public struct ZoneSource: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    /// A zone file. Files that it includes are looked for in its directory, and can't lie outside of it.
    case file(String)
    /// The text of a zone file.
    case text(String)
  }

  public var apex: Name
  public var content: Content

  public init(apex: Name, _ content: Content) {
    self.apex = apex
    self.content = content
  }

  /// The zone, unless its source has errors, and everything that was found. Blocks while it reads.
  public func load() -> (zone: Zone?, findings: [ZoneFinding]) { ZoneLoader.load(self) }
}

/// How the loading of one zone went.
public struct ZoneLoadReport: Sendable {
  public enum Outcome: Hashable, Sendable {
    /// It is served as it stands in its source.
    case loaded(records: Int, serial: UInt32)
    /// Its source has errors; what was served before goes on being served.
    case kept
    /// Its source has errors, and there is nothing to serve.
    case failed
  }

  public var apex: Name
  public var outcome: Outcome
  /// Errors and warnings, with file, line and column.
  public var findings: [ZoneFinding]
}
