import WireKit

/// Reads the answer to AXFR or IXFR, message by message (RFC 5936 §2.2, RFC 1995 §4).
///
/// It takes what any server may send: the answer to IXFR may be a whole zone, the SOA alone, or steps.
public struct TransferReader: ~Copyable {
  /// What was asked for.
  public enum Request: Hashable, Sendable {
    case whole
    /// What has changed since this serial.
    case changes(since: UInt32)
  }

  /// What an answer brought.
  public enum Outcome: Sendable {
    /// Nothing newer.
    case upToDate
    /// A whole zone; `nil` where its records make none.
    case whole(Zone?)
    case changes([ZoneDifference])
  }

  /// Bounds of what a primary may send.
  public struct Limits: Sendable {
    public var records = 20_000_000
    /// Octets of all messages.
    public var octets = 4 << 30
    public init() {}
  }

  /// Why an answer is of no use.
  public enum Failure: Error, Hashable, Sendable {
    case malformed(WireError)
    /// The server refused, or has no such zone.
    case refused(ResponseCode)
    /// It answers another question, or breaks the order of records.
    case disorder
    case tooLarge
    /// It ended before its end.
    case incomplete
  }

  private enum State {
    case opening, second, nodes, removing, adding, done
  }

  private let apex: Name
  private let id: UInt16
  private let request: Request
  private let limits: Limits
  private var state = State.opening
  private var soa: ResourceRecord?
  private var builder: ZoneBuilder?
  private var steps: [ZoneDifference] = []
  private var records = 0
  private var octets = 0

  public init(apex: Name, id: UInt16, _ request: Request, limits: Limits = Limits()) {
    self.apex = apex
    self.id = id
    self.request = request
    self.limits = limits
  }

  /// Takes the next message. `true` once the answer is complete.
  public mutating func take(_ octets: [UInt8]) throws(Failure) -> Bool {
    let message: Message
    do throws(WireError) { message = try Message.decode(octets) } catch { throw .malformed(error) }
    guard message.header.id == id, message.header.flags.contains(.response), message.header.opcode == .query else {
      throw .disorder
    }
    guard message.responseCode == .noError else { throw .refused(message.responseCode) }
    // The question may be missing behind the first message (RFC 5936 §2.2.1).
    if let question = message.questions.first {
      guard question.name == apex, question.type == .axfr || question.type == .ixfr else { throw .disorder }
    }
    self.octets += octets.count
    records += message.answers.count
    guard self.octets <= limits.octets, records <= limits.records else { throw .tooLarge }
    for record in message.answers { try take(record) }
    if state == .second, case .changes(let serial) = request, let soa {
      // The SOA alone: nothing newer, or the answer begins in the next message, where the serial is another one.
      if !Self.isNewer(ZoneDifference.serial(soa), than: serial) { state = .done }
    }
    return state == .done
  }

  /// What came, after the last message.
  public mutating func finish() throws(Failure) -> Outcome {
    guard state == .done else { throw .incomplete }
    if let whole = builder.take() { return .whole(whole.build().zone) }
    return steps.isEmpty ? .upToDate : .changes(steps)
  }

  /// Whether a serial is later (RFC 1982).
  public static func isNewer(_ serial: UInt32, than other: UInt32) -> Bool {
    Int32(bitPattern: serial &- other) > 0
  }

  private mutating func take(_ record: ResourceRecord) throws(Failure) {
    guard record.recordClass == .in else { throw .disorder }
    let isSOA = record.type == .soa && record.name == apex
    switch state {
    case .opening:
      guard isSOA else { throw .disorder }
      soa = record
      state = .second
    case .second: try begin(record, isSOA)
    case .nodes:
      if isSOA, ZoneDifference.serial(record) == soa.map({ ZoneDifference.serial($0) }) { return state = .done }
      try add(record)
    case .removing:
      guard isSOA else { return try change(record) { $0.removed.append($1) } }
      guard let last = steps.indices.last else { throw .disorder }
      steps[last].to = record
      state = .adding
    case .adding:
      guard isSOA else { return try change(record) { $0.added.append($1) } }
      try endStep(record)
    case .done: throw .disorder
    }
  }

  /// The second record says what kind of answer it is.
  private mutating func begin(_ record: ResourceRecord, _ isSOA: Bool) throws(Failure) {
    guard let soa else { throw .disorder }
    if isSOA, ZoneDifference.serial(record) != ZoneDifference.serial(soa) {
      guard case .changes(let serial) = request, ZoneDifference.serial(record) == serial else { throw .disorder }
      steps = [ZoneDifference(from: record, to: soa)]
      state = .removing
      return
    }
    builder = ZoneBuilder(apex: apex)
    try add(soa)
    state = .nodes
    if isSOA { state = .done } else { try add(record) }
  }

  private mutating func endStep(_ record: ResourceRecord) throws(Failure) {
    guard let soa, let last = steps.last else { throw .disorder }
    let serial = ZoneDifference.serial(record)
    if last.toSerial == ZoneDifference.serial(soa), serial == last.toSerial { return state = .done }
    // The next step begins where this one ended.
    guard serial == last.toSerial else { throw .disorder }
    steps.append(ZoneDifference(from: record, to: soa))
    state = .removing
  }

  private mutating func change(
    _ record: ResourceRecord, _ body: (inout ZoneDifference, ResourceRecord) -> Void
  ) throws(Failure) {
    guard let last = steps.indices.last, record.name.isWithin(apex), !record.type.isMeta else { throw .disorder }
    body(&steps[last], record)
  }

  private mutating func add(_ record: ResourceRecord) throws(Failure) {
    guard record.name.isWithin(apex), !record.type.isMeta else { throw .disorder }
    builder?.add(record)
  }
}
