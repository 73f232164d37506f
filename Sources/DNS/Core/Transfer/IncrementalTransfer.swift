import WireKit

/// Steps of a journal, read as they are needed.
public protocol DifferenceSource: Sendable {
  /// The next step; `nil` behind the last one. Throws when it can't be read.
  mutating func next() throws(WireError) -> ZoneDifference?
}

/// The messages of an incremental transfer (RFC 1995 §4).
public struct IncrementalTransfer: MessageSource {
  private let head: TransferHead
  private let soa: ResourceRecord
  private var steps: any DifferenceSource
  private var current: ZoneDifference?
  /// The next record of the current step: its SOA, what is removed, the new SOA, what is added.
  private var place = 0
  private var phase = Phase.opening
  /// Read, and not yet sent.
  private var waiting: ResourceRecord?

  private enum Phase { case opening, steps, done }

  /// - Parameter soa: That of the newest version, which the last step leads to.
  public init(_ steps: any DifferenceSource, soa: ResourceRecord, id: UInt16, question: Question) {
    head = TransferHead(id: id, question)
    self.soa = soa
    self.steps = steps
  }

  /// The answer to whoever has the newest version: its SOA alone (RFC 1995 §4).
  public static func upToDate(_ soa: ResourceRecord, id: UInt16, question: Question) -> [UInt8] {
    var message = TransferHead(id: id, question).octets
    var compressor = NameCompressor()
    soa.append(to: &message, &compressor)
    message.setInteger(UInt16(1), at: 6)
    return message
  }

  public mutating func next() throws(WireError) -> [UInt8]? {
    guard phase != .done || waiting != nil else { return nil }
    var message = head.octets
    var compressor = NameCompressor()
    var count: UInt16 = 0
    while let record = try nextRecord() {
      guard message.count + record.wireLength <= TransferHead.fill || count == 0 else {
        waiting = record
        break
      }
      record.append(to: &message, &compressor)
      count += 1
    }
    guard message.count <= 65_535, count > 0 else { throw WireError(.tooLong, "message", at: message.count) }
    message.setInteger(count, at: 6)
    return message
  }

  private mutating func nextRecord() throws(WireError) -> ResourceRecord? {
    if let record = waiting {
      waiting = nil
      return record
    }
    switch phase {
    case .done: return nil
    case .opening:
      phase = .steps
      current = try steps.next()
      return soa
    case .steps:
      while let step = current {
        defer { place += 1 }
        if let record = step.record(at: place) { return record }
        current = try steps.next()
        place = -1
      }
      phase = .done
      return soa
    }
  }
}

extension ZoneDifference {
  /// Its records in the order of a transfer.
  func record(at place: Int) -> ResourceRecord? {
    if place == 0 { return from }
    if place <= removed.count { return removed[place - 1] }
    if place == removed.count + 1 { return to }
    let index = place - removed.count - 2
    return index < added.count ? added[index] : nil
  }
}
