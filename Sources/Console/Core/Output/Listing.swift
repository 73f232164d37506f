/// Rows of text under named columns: what every `show` command answers with.
///
/// Between the processes the rows go as one text, where their cells allow it: whoever only hands a listing on never takes it apart, and a
/// long one can be shown without an object for each cell.
public struct Listing: Sendable, Hashable {
  enum Content: Sendable {
    case cells([[String]])
    case packed(PackedRows)
  }

  public var columns: [String]
  /// Where the next page begins, in whatever terms the one who answered understands; `nil` at the end.
  public var next: String?
  var content: Content

  public init(columns: [String], rows: [[String]], next: String? = nil) {
    self.columns = columns
    self.next = next
    content = .cells(rows)
  }

  public var rows: [[String]] {
    get {
      switch content {
      case .cells(let rows): rows
      case .packed(let packed): packed.rows
      }
    }
    set { content = .cells(newValue) }
  }

  /// How many rows there are.
  public var rowCount: Int {
    switch content {
    case .cells(let rows): rows.count
    case .packed(let packed): packed.count
    }
  }

  /// Adds another's rows, which have the same columns.
  public mutating func append(_ other: Listing) {
    if rowCount == 0 { content = other.content } else if other.rowCount > 0 { rows += other.rows }
  }

  public static func == (left: Listing, right: Listing) -> Bool {
    left.columns == right.columns && left.next == right.next && left.rows == right.rows
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(columns)
    hasher.combine(next)
    hasher.combine(rows)
  }
}

/// Rows as one text: cells parted by tabs, each row ended by a line feed. Nothing in them but printable ASCII, so that they need no
/// look before a terminal gets them.
struct PackedRows: Sendable {
  let text: [UInt8]
  let count: Int

  /// `nil` when a cell has what can't stand in this form.
  init?(_ rows: [[String]]) {
    guard !rows.isEmpty else { return nil }
    var text: [UInt8] = []
    for row in rows {
      guard !row.isEmpty else { return nil }
      for cell in row {
        let start = text.count
        text.append(contentsOf: cell.utf8)
        guard text[start...].allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return nil }
        text.append(0x09)
      }
      text[text.count - 1] = 0x0A
    }
    self.text = text
    count = rows.count
  }

  /// A text that another process sent; `nil` when it is none of ours.
  init?(text: [UInt8]) {
    guard text.last == 0x0A else { return nil }
    var count = 0
    for byte in text where byte < 0x20 || byte >= 0x7F {
      if byte == 0x0A { count += 1 } else if byte != 0x09 { return nil }
    }
    self.text = text
    self.count = count
  }

  var rows: [[String]] {
    text.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false).map { row in
      row.split(separator: 0x09, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }
  }
}

extension Listing: Codable {
  private enum Key: String, CodingKey { case columns, rows, text, next }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    columns = try container.decode([String].self, forKey: .columns)
    next = try container.decodeIfPresent(String.self, forKey: .next)
    if let text = try container.decodeIfPresent(String.self, forKey: .text) {
      guard let packed = PackedRows(text: Array(text.utf8)) else {
        throw DecodingError.dataCorruptedError(forKey: .text, in: container, debugDescription: "no rows")
      }
      content = .packed(packed)
    } else {
      content = .cells(try container.decode([[String]].self, forKey: .rows))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(columns, forKey: .columns)
    try container.encodeIfPresent(next, forKey: .next)
    let packed: PackedRows? =
      switch content {
      case .cells(let rows): PackedRows(rows)
      case .packed(let packed): packed
      }
    if let packed {
      try container.encode(String(decoding: packed.text, as: UTF8.self), forKey: .text)
    } else {
      try container.encode(rows, forKey: .rows)
    }
  }
}

/// What a command comes to.
public enum ConsoleAnswer: Sendable, Codable, Hashable {
  /// It was done; a sentence that says what.
  case done(String)
  case listing(Listing)
  /// Secrets that are shown once, each under its name, after a sentence.
  case secrets(String, [ShownSecret])
  /// The command goes on once a secret is typed, without echo and twice.
  case secretNeeded(prompt: String)
  case failure(String)
}

/// A secret that its owner is shown this once.
public struct ShownSecret: Sendable, Codable, Hashable {
  public var name: String
  public var value: String

  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// Bytes typed without echo. Their description tells nothing, so that no log can.
public struct HiddenText: Sendable, Hashable, Codable, CustomStringConvertible, CustomReflectable {
  public let bytes: [UInt8]
  public init(_ bytes: [UInt8]) { self.bytes = bytes }
  public var description: String { "••••" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a console asks of the server: a command in full.
public struct ConsoleCall: Sendable, Codable, Hashable {
  /// The command and its values, without abbreviations (`ParsedCommand.words`).
  public var words: [String]
  /// The page that is wanted: `Listing.next` of the one before; `nil` for the first.
  public var after: String?
  /// What was typed when `.secretNeeded` asked for it.
  public var secret: HiddenText?
  /// The answer is to wait until the listing's rows differ from those known by this token (its `Listing.next`); an empty one does not
  /// wait.
  public var follow: String?

  public init(words: [String], after: String? = nil, secret: HiddenText? = nil, follow: String? = nil) {
    self.follow = follow
    self.words = words
    self.after = after
    self.secret = secret
  }
}
