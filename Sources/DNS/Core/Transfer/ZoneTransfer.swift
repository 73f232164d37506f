import WireKit

/// The messages of a whole zone's transfer (RFC 5936 §2.2).
///
/// The zone is immutable, so what is sent is one version of it, whatever is loaded meanwhile. Its packed RRsets are copied
/// as they stand; only their pointers are set anew.
///
/// unchecked: the pointers of its walk lead into the zone's memory, which is never written, and which it holds.
public struct ZoneTransfer: MessageSource, @unchecked Sendable {
  private let zone: Zone
  private let head: TransferHead
  private let apexLength: Int
  private var walk: ZoneWalk
  /// The next RRset of the node at hand.
  private var row = 0
  /// Records of an RRset that is too large for the fast way, the next one last.
  private var waiting: [ResourceRecord] = []
  private var phase = Phase.opening

  private enum Phase { case opening, nodes, closing, done }

  /// - Parameter question: What was asked, AXFR or IXFR; its name is the zone's.
  public init(of zone: Zone, id: UInt16, question: Question) {
    self.zone = zone
    walk = ZoneWalk(zone.view)
    head = TransferHead(id: id, question)
    apexLength = zone.apex.wire.count
  }

  public mutating func next() throws(WireError) -> [UInt8]? {
    guard phase != .done else { return nil }
    var message: [UInt8] = []
    message.reserveCapacity(TransferHead.fill + 1_024)
    message.append(contentsOf: head.octets)
    var count: UInt16 = 0
    if phase == .opening {
      appendSOA(to: &message, &count)
      phase = .nodes
    }
    if phase == .nodes, try appendNodes(to: &message, &count) { phase = .closing }
    if phase == .closing, appendSOA(to: &message, &count) { phase = .done }
    withExtendedLifetime(zone) {}
    guard count > 0, message.count <= 65_535 else { throw WireError(.tooLong, "message", at: message.count) }
    message.setInteger(count, at: 6)
    return message
  }

  @discardableResult
  private func appendSOA(to message: inout [UInt8], _ count: inout UInt16) -> Bool {
    let apex = zone.view.node(at: zone.view.apexNode)
    guard let soa = apex.rrset(.soa), count == 0 || message.count + soa.length <= TransferHead.fill else {
      return false
    }
    return append(soa, of: apex, owner: Header.wireLength, to: &message, &count)
  }

  /// Whether the last node is in.
  private mutating func appendNodes(to message: inout [UInt8], _ count: inout UInt16) throws(WireError) -> Bool {
    while let node = walk.current()?.node {
      guard try append(node, to: &message, &count) else { return false }
      row = 0
      walk.advance()
    }
    return true
  }

  /// Whether all of the node is in.
  private mutating func append(
    _ node: NodeView, to message: inout [UInt8], _ count: inout UInt16
  ) throws(WireError) -> Bool {
    // The owner's labels stand in full once a message, and end in the question's name.
    var owner = node.nameLength == 0 ? Header.wireLength : -1
    let rows = node.rrsetCount
    while row < rows {
      let rrset = node.rrset(at: row)
      if node.nameLength == 0, rrset.type == .soa {
        row += 1
        continue
      }
      let start = message.count
      if waiting.isEmpty {
        if append(rrset, of: node, owner: owner, to: &message, &count) {
          if owner < 0 { owner = start }
          row += 1
          continue
        }
        guard rrset.length + node.nameLength + head.octets.count > TransferHead.fill else {
          // It begins the next message.
          return false
        }
        waiting = ZoneReaderCursor.records(of: rrset, ownerName(of: node)).reversed()
      }
      guard try appendWaiting(to: &message, &count) else { return false }
      row += 1
    }
    return true
  }

  private func ownerName(of node: NodeView) -> Name {
    Name(validWire: Array(UnsafeRawBufferPointer(start: node.name, count: node.nameLength)) + zone.apex.wire)
  }

  /// Record by record, without compression: for RRsets that fill more than one message.
  private mutating func appendWaiting(to message: inout [UInt8], _ count: inout UInt16) throws(WireError) -> Bool {
    while let record = waiting.last {
      let length = record.name.wire.count + 10 + record.data.wire.count
      guard message.count + length <= TransferHead.fill || count == 0 else { return false }
      record.appendUncompressed(to: &message)
      count += 1
      waiting.removeLast()
    }
    return true
  }

  /// Copies an RRset. `false`, with nothing written, when it is too large for this message.
  /// - Parameter owner: Where its owner stands in the message; −1 where it does not yet.
  private func append(
    _ rrset: RRsetView, of node: NodeView, owner: Int, to message: inout [UInt8], _ count: inout UInt16
  ) -> Bool {
    let start = message.count
    var room = rrset.length
    if owner < 0 { room += node.nameLength }
    guard start + room <= TransferHead.fill, Int(count) + Int(rrset.count) <= 65_535 else { return false }
    var position = owner
    var block = UnsafeRawBufferPointer(start: rrset.data, count: rrset.length)
    if owner < 0 {
      position = start
      message.append(contentsOf: UnsafeRawBufferPointer(start: node.name, count: node.nameLength))
      message.appendInteger(UInt16(0xC000 | Header.wireLength))
      block = UnsafeRawBufferPointer(rebasing: block[2...])
      message.append(contentsOf: block)
    } else {
      message.append(contentsOf: block)
    }
    // The first record's two octets of pointer stand where the owner's name ended, so the RRset's own places are these.
    let base = owner < 0 ? start + node.nameLength : start
    relocate(rrset, node, base: base, owner: position, skipsFirst: owner < 0, in: &message)
    count += rrset.count
    return true
  }

  private func relocate(
    _ rrset: RRsetView, _ node: NodeView, base: Int, owner: Int, skipsFirst: Bool, in message: inout [UInt8]
  ) {
    let layout = rrset.hasPointers ? CompressibleLayout(rrset.type) : nil
    let packed = Packed(
      relative: node.nameLength, start: Header.wireLength + node.nameLength + apexLength + 4, owner: owner, base: base)
    var place = base
    var isFirst = true
    while place + 12 <= message.count {
      if !isFirst || !skipsFirst { message.setInteger(UInt16(truncatingIfNeeded: 0xC000 | owner), at: place) }
      isFirst = false
      let length = Int(message[place + 10]) << 8 | Int(message[place + 11])
      if let layout {
        var offset = place + 12 + layout.prefix
        for _ in 0..<layout.names { packed.relocateName(&offset, in: &message) }
      }
      place += 12 + length
    }
  }

  /// Where an RRset was packed for, and where it stands.
  private struct Packed {
    /// Octets of the owner's labels below the apex.
    let relative: Int
    let start: Int
    let owner: Int
    let base: Int

    func relocateName(_ offset: inout Int, in message: inout [UInt8]) {
      while offset < message.count {
        let length = message[offset]
        if length == 0 {
          offset += 1
          return
        }
        guard length >= 0xC0, offset + 1 < message.count else {
          offset += 1 + Int(length)
          continue
        }
        let target = Int(length & 0x3F) << 8 | Int(message[offset + 1])
        message.setInteger(UInt16(truncatingIfNeeded: 0xC000 | moved(target)), at: offset)
        offset += 2
        return
      }
    }

    private func moved(_ target: Int) -> Int {
      if target >= start { return target - start + base }
      let within = target - Header.wireLength
      return within < relative ? owner + within : Header.wireLength + within - relative
    }
  }
}

extension ResourceRecord {
  /// Appends the record to a message, without compression.
  func appendUncompressed(to message: inout [UInt8]) {
    message.append(contentsOf: name.wire)
    message.appendInteger(type.rawValue)
    message.appendInteger(recordClass.rawValue)
    message.appendInteger(ttl)
    message.appendInteger(UInt16(truncatingIfNeeded: data.wire.count))
    message.append(contentsOf: data.wire)
  }

  /// Appends the record to a message with its names compressed.
  func append(to message: inout [UInt8], _ compressor: inout NameCompressor) {
    compressor.append(name, to: &message)
    message.appendInteger(type.rawValue)
    message.appendInteger(recordClass.rawValue)
    message.appendInteger(ttl)
    let place = message.count
    message.appendInteger(UInt16(0))
    RDataWire.encode(data, into: &message, &compressor)
    message.setInteger(UInt16(truncatingIfNeeded: message.count - place - 2), at: place)
  }
}
