/// Something that a zone or its file has wrong, and where.
public struct ZoneFinding: Hashable, Sendable {
  public enum Severity: String, Hashable, Sendable {
    /// The zone can't be served like this.
    case error
    /// The zone works, but hardly as it was meant.
    case warning
  }

  public var severity: Severity
  /// The file, as it was named; `nil` when the text had no name.
  public var file: String?
  /// From 1; 0 when it concerns the zone as a whole.
  public var line: Int
  /// From 1, in octets; 0 when it concerns the whole line.
  public var column: Int
  public var message: String

  public init(_ severity: Severity, file: String? = nil, line: Int = 0, column: Int = 0, _ message: String) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.message = message
  }
}

extension ZoneFinding: CustomStringConvertible {
  /// `lab.test.zone:12:5: error: empty label in a name`.
  public var description: String {
    var place = file ?? "zone"
    if line > 0 { place += ":\(line)" }
    if column > 0 { place += ":\(column)" }
    return "\(place): \(severity.rawValue): \(message)"
  }
}
