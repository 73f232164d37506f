/// What a backup is taken of.
public struct BackupSource: Sendable {
  /// The folder of data.
  public var data: String
  /// Files and folders elsewhere: the configuration, sites, shared folders. What lies within `data` is taken once.
  public var elsewhere: [String]
  /// Names of SQLite databases, relative to `data`, in the order in which their state is fixed.
  public var databases: [String]
  /// Paths relative to `data` that are left out, with all that is below.
  public var excluded: Set<String>
  /// A lock file, relative to `data`: while it is held, bytes that a database refers to are not given back.
  public var hold: String?

  public init(
    data: String, elsewhere: [String] = [], databases: [String] = [], excluded: Set<String> = [], hold: String? = nil
  ) {
    self.data = data
    self.elsewhere = elsewhere
    self.databases = databases
    self.excluded = excluded
    self.hold = hold
  }
}

/// Something that could not be taken, although the backup went on.
public struct BackupFinding: Sendable, CustomStringConvertible {
  public let path: String
  public let reason: String
  public var description: String { "\(path): \(reason)" }
}
