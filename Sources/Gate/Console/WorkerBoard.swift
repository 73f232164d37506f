import ConsoleCore
import NIOCore
import Services
import Synchronization

/// The workers that are connected at the moment, for questions that only they can answer.
public final class WorkerBoard: Sendable {
  private let connections = Mutex<[UInt64: GateConnection]>([:])
  private let lastNumber = Atomic<UInt64>(0)

  public init() {}

  /// A number for a connection, unique over all sockets of this gate: sessions are told apart by it.
  func takeNumber() -> UInt64 { lastNumber.add(1, ordering: .relaxed).newValue }

  func add(_ connection: GateConnection) { connections.withLock { $0[connection.number] = connection } }

  func remove(_ connection: GateConnection) { connections.withLock { _ = $0.removeValue(forKey: connection.number) } }

  /// One connection for each name, the newest, in the names' order.
  private var workers: [(name: String, connection: GateConnection)] {
    let all = connections.withLock { $0.values.sorted { $0.number < $1.number } }
    let named = all.compactMap { connection in connection.workerName.map { ($0, connection) } }
    return Dictionary(named) { _, newer in newer }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Who is there: name, process, and since when.
  func list() -> [(name: String, process: Int32, since: WallTime, connection: UInt64)] {
    workers.map { ($0.name, $0.connection.processID, $0.connection.since, $0.connection.number) }
  }

  /// The metrics of every worker that answers in time.
  public func collectMetrics(timeLimit: Duration = .seconds(2)) async -> [String] {
    let limit = TimeAmount(timeLimit)
    return await withTaskGroup(of: (String, String)?.self) { group in
      for (name, connection) in workers {
        group.addTask { await connection.collectMetrics(timeLimit: limit).map { (name, $0) } }
      }
      return await group.reduce(into: [(String, String)]()) { list, answer in
        if let answer { list.append(answer) }
      }.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  /// Asks every worker, one after the other, and joins their rows, page by page. A worker that knows nothing of the
  /// question, or does not answer in time, is passed over.
  public func ask(_ question: ConsoleQuestion, timeLimit: Duration = .seconds(10)) async -> ConsoleAnswer? {
    let (start, cursor) = Self.split(question.after)
    var joined: Listing?
    for (name, connection) in workers where name >= start {
      if let joined, joined.rowCount >= ConsoleQuestion.pageLength {
        var page = joined
        page.next = "\(name)|"
        return .listing(page)
      }
      var question = question
      question.after = name == start && !cursor.isEmpty ? cursor : nil
      switch await connection.ask(question, timeLimit: TimeAmount(timeLimit)) {
      case nil: continue
      case .listing(let listing):
        if joined == nil { joined = Listing(columns: listing.columns, rows: []) }
        guard joined?.columns == listing.columns else { continue }
        joined?.append(listing)
        if let next = listing.next {
          joined?.next = "\(name)|\(next)"
          return joined.map { .listing($0) }
        }
      case .some(let other): if joined == nil { return other }
      }
    }
    return joined.map { .listing($0) }
  }

  private static func split(_ after: String?) -> (worker: String, cursor: String) {
    guard let after, let bar = after.firstIndex(of: "|") else { return ("", "") }
    return (String(after[..<bar]), String(after[after.index(after: bar)...]))
  }
}
