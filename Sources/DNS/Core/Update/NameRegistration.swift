import WireKit

/// Enters the name of a DHCP client at a DNS server by updates, or takes it out, as RFC 4703 §5 has it: a name belongs to whoever its
/// DHCID record says, and what has none is a person's and is never touched.
///
/// A value without socket: `next` gives the update to send, and takes the server's answer to it.
///
///     name not in use?           add A and DHCID                    (§5.3.1)
///     its DHCID is ours?         another A in place of the old one  (§5.3.2)
///     otherwise                  a conflict; nothing changes
public struct NameRegistration: Sendable {
  /// What is entered or taken out.
  public enum Task: Sendable, Hashable {
    /// A or AAAA, in place of the same client's other one of that type.
    case addForward(ResourceRecord)
    /// PTR, in place of the one that a DHCP server entered before.
    case addReverse(ResourceRecord)
    case removeForward(ResourceRecord)
    case removeReverse(ResourceRecord)

    var record: ResourceRecord {
      switch self {
      case .addForward(let record), .addReverse(let record), .removeForward(let record), .removeReverse(let record):
        record
      }
    }
  }

  public enum Step: Sendable, Hashable {
    /// Send this, with an id of its own, and tell the answer's code.
    case send(Message)
    case done
    /// The name is another client's, or a person's.
    case conflict
    /// The server does not carry it out; it may later.
    case refused(ResponseCode)
  }

  private enum Stage: Sendable, Hashable {
    case beginning
    /// The name is to be new.
    case new
    /// The name is to be the client's own.
    case own
    /// The client's address is out; now the DHCID, if there is no other address.
    case clearing
    case over
  }

  private let zone: Name
  private let task: Task
  /// The data of the DHCID record (RFC 4701).
  private let owner: RData
  private var stage = Stage.beginning
  /// A name may come and go between two updates of ours; not without end.
  private var attempts = 0

  /// - Parameter owner: The data of the DHCID record that says whose the name is.
  public init(_ task: Task, owner: RData, in zone: Name) {
    self.zone = zone
    self.task = task
    self.owner = owner
  }

  /// - Parameter code: The answer to what was to be sent last; `nil` at the beginning.
  public mutating func next(after code: ResponseCode? = nil) -> Step {
    switch (stage, code) {
    case (.beginning, _): return begin()
    case (.new, .noError?), (.clearing, .noError?): return end(.done)
    case (.new, .yxDomain?), (.new, .yxRRSet?):
      stage = .own
      return .send(message(ownPrerequisites, ownChanges))
    case (.own, .noError?):
      guard case .removeForward = task else { return end(.done) }
      stage = .clearing
      return .send(message(clearingPrerequisites, [removal(of: task.record.name, .dhcid)]))
    case (.clearing, .yxRRSet?), (.clearing, .nxRRSet?), (.clearing, .nxDomain?):
      // An address of the other family is left, and keeps the name; or somebody was faster.
      return end(.done)
    case (.own, .nxRRSet?), (.own, .nxDomain?):
      if isRemoval { return end(.done) }
      // §5.3.2: the name has gone meanwhile, or is somebody else's.
      guard code == .nxDomain, attempts < 3 else { return end(.conflict) }
      return begin()
    case (_, let code?): return end(.refused(code))
    case (_, nil): return end(.done)
    }
  }

  private mutating func begin() -> Step {
    attempts += 1
    let record = task.record
    if isRemoval {
      stage = .own
      return .send(message(ownPrerequisites, ownChanges))
    }
    stage = .new
    return .send(message([condition(record.name, .none, .any)], [record, dhcid(record.ttl)]))
  }

  private mutating func end(_ step: Step) -> Step {
    stage = .over
    return step
  }

  private var isRemoval: Bool {
    switch task {
    case .addForward, .addReverse: false
    case .removeForward, .removeReverse: true
    }
  }

  /// What says that the name is ours to change.
  private var ownPrerequisites: [ResourceRecord] {
    let name = task.record.name
    switch task {
    case .addForward, .removeForward: return [ResourceRecord(name, .in, ttl: 0, owner)]
    // An address changes hands: the record of whoever had it before may go, and a person's, which has no DHCID, may not.
    case .addReverse: return [condition(name, .any, .dhcid)]
    case .removeReverse(let record):
      return [condition(name, .any, .dhcid), ResourceRecord(name, .in, ttl: 0, record.data)]
    }
  }

  private var ownChanges: [ResourceRecord] {
    let record = task.record
    switch task {
    case .addForward: return [removal(of: record.name, record.type), record]
    case .addReverse:
      return [removal(of: record.name, .ptr), removal(of: record.name, .dhcid), record, dhcid(record.ttl)]
    case .removeForward: return [ResourceRecord(record.name, .none, ttl: 0, record.data)]
    case .removeReverse: return [removal(of: record.name, .ptr), removal(of: record.name, .dhcid)]
    }
  }

  /// §5.5: the DHCID goes when no address is left.
  private var clearingPrerequisites: [ResourceRecord] {
    let name = task.record.name
    return [
      ResourceRecord(name, .in, ttl: 0, owner), condition(name, .none, .a), condition(name, .none, .aaaa),
    ]
  }

  private func dhcid(_ ttl: UInt32) -> ResourceRecord { ResourceRecord(task.record.name, .in, ttl: ttl, owner) }

  private func removal(of name: Name, _ type: RecordType) -> ResourceRecord { condition(name, .any, type) }

  /// A record without data: RFC 2136 §2.4 and §2.5.2.
  private func condition(_ name: Name, _ recordClass: RecordClass, _ type: RecordType) -> ResourceRecord {
    ResourceRecord(name, recordClass, ttl: 0, RData(validType: type, wire: []))
  }

  private func message(_ prerequisites: [ResourceRecord], _ changes: [ResourceRecord]) -> Message {
    Message(
      header: Header(id: 0, opcode: .update), questions: [Question(zone, .soa)], answers: prerequisites,
      authorities: changes)
  }
}
