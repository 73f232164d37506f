import Services

/// An audit trail in memory: for tests of what stands on one, and the second subject of the store battery.
public actor MemoryAuditStore: AuditStore {
  private var records: [AuditRecord] = []
  private var fault: StoreError?
  /// How many transactions there were.
  public private(set) var commits = 0

  public init() {}

  /// From here on every change fails with this error, and every question too unless it is `.full`; `nil` mends it.
  public func setFault(_ fault: StoreError?) { self.fault = fault }

  /// Changes what is stored behind the back of the interface, as an intruder would.
  public func tamper(_ change: @Sendable (inout [AuditRecord]) -> Void) { change(&records) }

  public func append(_ new: [AuditRecord]) throws(StoreError) {
    if let fault { throw fault }
    var end = currentHead
    for record in new {
      guard record.sequence == end.sequence + 1, record.previousHash == end.hash else {
        throw StoreError(.conflict, "does not follow the head")
      }
      end = AuditHead(sequence: record.sequence, hash: record.hash)
    }
    records += new
    commits += 1
  }

  public func head() throws(StoreError) -> AuditHead {
    if let fault, fault.code != .full { throw fault }
    return currentHead
  }

  public func page(
    _ filter: AuditFilter, from position: AuditPosition, limit: Int
  ) throws(StoreError) -> [AuditRecord] {
    if let fault, fault.code != .full { throw fault }
    let matching = records.filter { record in
      let entry = record.entry
      return filter.account.map { entry.actor == $0 || entry.subject == $0 } ?? true
        && filter.service.map { entry.service == $0 } ?? true
        && filter.peer.map { entry.peer?.address == $0 } ?? true && filter.since.map { entry.time >= $0 } ?? true
        && filter.until.map { entry.time < $0 } ?? true
    }
    let page =
      switch position {
      case .after(let sequence): matching.filter { $0.sequence > sequence }.prefix(max(0, limit))
      case .before(let sequence):
        matching.reversed().filter { $0.sequence < sequence ?? .max }.prefix(max(0, limit))
      }
    return Array(page)
  }

  private var currentHead: AuditHead {
    records.last.map { AuditHead(sequence: $0.sequence, hash: $0.hash) } ?? .empty
  }
}
