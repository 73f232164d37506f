/// A command on its way to the part of the server that can answer it.
public struct ConsoleQuestion: Sendable, Codable, Hashable {
  /// `Command.name`.
  public var command: String
  /// In the order of the command's parameters.
  public var values: [String]
  /// Flags have an empty value.
  public var options: [String: String]
  /// Where the page begins: whatever the last answer gave as `Listing.next`.
  public var after: String?

  /// Rows of one page: what fits into a message between the processes with room to spare.
  public static let pageLength = 500
  /// Bytes of text after which a page ends, where rows are made as they are asked for.
  public static let pageBytes = 196_608

  public init(_ parsed: ParsedCommand, after: String? = nil) {
    command = parsed.command.name
    values = parsed.values
    options = Dictionary(parsed.options.map { ($0.name, $0.value ?? "") }) { _, last in last }
    self.after = after
  }

  /// The page of rows that is asked for, where all rows are at hand: `after` counts them.
  public func page(_ columns: [String], _ rows: [[String]]) -> ConsoleAnswer {
    let start = min(max(0, after.flatMap { Int($0) } ?? 0), rows.count)
    let end = min(rows.count, start + Self.pageLength)
    return .listing(
      Listing(columns: columns, rows: Array(rows[start..<end]), next: end < rows.count ? "\(end)" : nil))
  }
}
