/// Puts keys and headers into a tree, under the rules of TOML 1.0 about what may be defined twice (nothing) and what may
/// be extended later (super-tables, and arrays of tables).
///
/// A violation is recorded and the offending part goes to a table that nobody sees, so that reading goes on.
struct TOMLTreeBuilder {
  /// One part of a dotted key.
  struct KeyPart {
    var name: String
    var position: TOMLPosition
  }

  /// How a table came about; that decides who may extend it.
  enum Definition {
    /// Only named on the way to another table: `a` in `[a.b]`.
    case implicit
    /// By its own header.
    case header
    /// By dotted keys: `a` in `a.b = 1`.
    case dotted
  }

  enum Node {
    case value(TOMLValue)
    case table(Table)
    case tables(Tables)

    var position: TOMLPosition {
      switch self {
      case .value(let value): value.position
      case .table(let table): table.position
      case .tables(let tables): tables.position
      }
    }
  }

  final class Table {
    var definition: Definition
    let position: TOMLPosition
    let depth: Int
    var order: [(part: KeyPart, node: Node)] = []
    /// By the bytes of the name, as in `TOMLTable`.
    var places: [[UInt8]: Int] = [:]

    init(_ definition: Definition, at position: TOMLPosition, depth: Int) {
      self.definition = definition
      self.position = position
      self.depth = depth
    }

    func find(_ name: String) -> (part: KeyPart, node: Node)? { places[Array(name.utf8)].map { order[$0] } }

    func add(_ part: KeyPart, _ node: Node) {
      places[Array(part.name.utf8)] = order.count
      order.append((part, node))
    }

    func frozen() -> TOMLTable {
      var table = TOMLTable()
      for (part, node) in order {
        let value: TOMLValue
        switch node {
        case .value(let content): value = content
        case .table(let inner): value = TOMLValue(.table(inner.frozen()), at: inner.position)
        case .tables(let list):
          let elements = list.elements.map { TOMLValue(.table($0.frozen()), at: $0.position) }
          value = TOMLValue(.array(elements), at: list.position)
        }
        table.set(part.name, to: value, keyPosition: part.position)
      }
      return table
    }
  }

  /// An array of tables, made by `[[name]]`.
  final class Tables {
    let position: TOMLPosition
    var elements: [Table]

    init(first: Table) {
      position = first.position
      elements = [first]
    }
  }

  /// What a key or header wants to be.
  private enum Wanted: String {
    case key, table
    case tables = "list of tables"
  }

  private(set) var errors: [TOMLError] = []
  let depthLimit: Int

  init(depthLimit: Int) { self.depthLimit = depthLimit }

  /// The table that `[path]` or `[[path]]` opens.
  mutating func open(_ path: [KeyPart], isArray: Bool, in root: Table) throws(TOMLError) -> Table {
    guard let last = path.last else { return root }
    var table = root
    for part in path.dropLast() {
      guard let next = try descend(from: table, to: part) else { return orphan(at: part.position) }
      table = next
    }
    try checkDepth(table, last.position)
    let made = Table(.header, at: last.position, depth: table.depth + 1)
    guard let (first, node) = table.find(last.name) else {
      table.add(last, isArray ? .tables(Tables(first: made)) : .table(made))
      return made
    }
    switch node {
    case .tables(let list) where isArray:
      list.elements.append(made)
      return made
    case .table(let existing) where !isArray && existing.definition == .implicit:
      existing.definition = .header
      return existing
    default:
      report(last, as: isArray ? .tables : .table, first, node)
      return orphan(at: last.position)
    }
  }

  /// Sets a key, dotted or not, below `table`.
  mutating func set(_ path: [KeyPart], to value: TOMLValue, in table: Table) throws(TOMLError) {
    guard let last = path.last else { return }
    var table = table
    for part in path.dropLast() {
      try checkDepth(table, part.position)
      guard let (first, node) = table.find(part.name) else {
        let made = Table(.dotted, at: part.position, depth: table.depth + 1)
        table.add(part, .table(made))
        table = made
        continue
      }
      guard case .table(let next) = node, next.definition != .header else {
        report(part, as: .table, first, node)
        return
      }
      next.definition = .dotted
      table = next
    }
    if let (first, node) = table.find(last.name) {
      report(last, as: .key, first, node)
    } else {
      table.add(last, .value(value))
    }
  }

  private mutating func descend(from table: Table, to part: KeyPart) throws(TOMLError) -> Table? {
    try checkDepth(table, part.position)
    guard let (first, node) = table.find(part.name) else {
      let made = Table(.implicit, at: part.position, depth: table.depth + 1)
      table.add(part, .table(made))
      return made
    }
    switch node {
    case .table(let next): return next
    case .tables(let list): return list.elements.last
    case .value:
      report(part, as: .table, first, node)
      return nil
    }
  }

  private func checkDepth(_ table: Table, _ position: TOMLPosition) throws(TOMLError) {
    guard table.depth < depthLimit else {
      throw TOMLError(position, "tables and lists lie more than \(depthLimit) deep")
    }
  }

  private mutating func report(_ part: KeyPart, as what: Wanted, _ first: KeyPart, _ existing: Node) {
    let name = TOMLText.key(part.name)
    let line = first.position.line
    let message =
      switch (what, existing) {
      case (.key, _), (.table, .table): "duplicate \(what.rawValue) \(name): first set in line \(line)"
      case (_, .value): "\(name) can't be a \(what.rawValue): line \(line) gives it a value"
      case (_, .table): "\(name) can't be a \(what.rawValue): line \(line) makes it a table"
      case (_, .tables): "\(name) can't be a \(what.rawValue): line \(line) makes it a list of tables"
      }
    errors.append(TOMLError(part.position, message))
  }

  /// Where the content of a refused table goes.
  private func orphan(at position: TOMLPosition) -> Table { Table(.header, at: position, depth: 1) }
}
