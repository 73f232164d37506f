import WireKit

extension Responder {
  /// Where the owner of an RRset stands in the reply.
  struct Owner {
    var position: Int
    /// Octets of the owner that the RRset was packed for; it began behind that owner's question.
    var packedLength = 0
    /// Octets by which the name in the reply is longer than that: not 0 for wildcards.
    var shift = 0

    /// Where the RRset began in the reply that it was packed for.
    var packedStart: Int { Header.wireLength + packedLength + 4 }
  }

  /// Copies a packed RRset into the reply and sets its pointers. `false`, with nothing written, when it does not fit.
  @_lifetime(reply: copy reply)
  @inline(__always)
  func write(
    _ rrset: RRsetView, _ owner: Owner, _ section: Answer.Section, _ answer: inout Answer,
    into reply: inout FixedWriter
  ) -> Bool {
    let start = reply.count
    do throws(WireError) {
      try reply.writeBytes(UnsafeRawBufferPointer(start: rrset.data, count: rrset.length).bytes, "RRset")
    } catch {
      return false
    }
    if owner.position != Header.wireLength || rrset.hasPointers && (owner.shift != 0 || start != owner.packedStart) {
      guard relocate(rrset, owner, from: start, into: &reply) else {
        reply.truncate(to: start)
        return false
      }
    }
    answer.count(rrset.count, in: section)
    return true
  }

  /// Writes an RRset, and its signatures for who wants them; both or neither.
  @_lifetime(reply: copy reply)
  @inline(__always)
  func writeSigned(
    _ rrset: RRsetView, _ owner: Owner, _ section: Answer.Section, _ answer: inout Answer,
    into reply: inout FixedWriter
  ) -> Bool {
    let start = reply.count
    guard write(rrset, owner, section, &answer, into: &reply) else { return false }
    guard answer.wantsDNSSEC, let signatures = rrset.signatures else { return true }
    if write(signatures, owner, section, &answer, into: &reply) { return true }
    reply.truncate(to: start)
    answer.discount(rrset.count, in: section)
    return false
  }

  /// Sets the pointers of an RRset that stands elsewhere than it was packed for. `false` when a pointer would have to reach
  /// further than 16,383 octets.
  @_lifetime(reply: copy reply)
  private func relocate(
    _ rrset: RRsetView, _ owner: Owner, from start: Int, into reply: inout FixedWriter
  ) -> Bool {
    guard owner.position < 0x4000 else { return false }
    let layout = rrset.hasPointers ? CompressibleLayout(rrset.type) : nil
    let end = reply.count
    var place = start
    while place < end {
      reply.setInteger(UInt16(truncatingIfNeeded: 0xC000 | owner.position), at: place)
      let length = Int(
        UInt16(bigEndian: reply.written.unsafeLoadUnaligned(fromByteOffset: place + 10, as: UInt16.self)))
      if let layout {
        var offset = place + 12 + layout.prefix
        for _ in 0..<layout.names {
          guard relocateName(&offset, owner, start, into: &reply) else { return false }
        }
      }
      place += 12 + length
    }
    return true
  }

  @_lifetime(reply: copy reply)
  private func relocateName(
    _ offset: inout Int, _ owner: Owner, _ start: Int, into reply: inout FixedWriter
  ) -> Bool {
    while true {
      let size = reply.written.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      if size == 0 {
        offset += 1
        return true
      }
      guard size >= 0xC0 else {
        offset += 1 + Int(size)
        continue
      }
      let old = Self.pointer(in: reply.written, at: offset)
      let new: Int
      if old >= owner.packedStart {
        new = old - owner.packedStart + start
      } else {
        new = Self.position(
          of: old - Header.wireLength + owner.shift, ofNameAt: owner.position, in: reply.written)
      }
      guard new < 0x4000 else { return false }
      reply.setInteger(UInt16(truncatingIfNeeded: 0xC000 | new), at: offset)
      offset += 2
      return true
    }
  }

  /// Where the octet `offset` of the name at `start` stands, pointers followed.
  static func position(of offset: Int, ofNameAt start: Int, in reply: RawSpan) -> Int {
    var place = start
    var rest = offset
    while true {
      guard let size = reply.byte(at: place) else { return start }
      if size >= 0xC0 {
        place = pointer(in: reply, at: place)
      } else if rest == 0 || size == 0 {
        return place
      } else {
        place += 1 + Int(size)
        rest -= 1 + Int(size)
      }
    }
  }

  /// The target of the pointer at `place`.
  static func pointer(in reply: RawSpan, at place: Int) -> Int {
    Int(UInt16(bigEndian: reply.unsafeLoadUnaligned(fromByteOffset: place, as: UInt16.self)) & 0x3FFF)
  }

  /// Addresses of the hosts that NS, MX, SRV and their like lead to, as far as they are ours and fit (RFC 1035 §3.3.9).
  @_lifetime(reply: copy reply)
  func addTargets(
    of rrset: RRsetView, from start: Int, _ answer: inout Answer, into reply: inout FixedWriter
  ) {
    guard let prefix = Self.targetOffset(rrset.type) else { return }
    var place = start
    for _ in 0..<rrset.count {
      let length = Self.dataLength(in: reply.written, at: place)
      let target = Self.position(of: 0, ofNameAt: place + 12 + prefix, in: reply.written)
      answer.target.read(reply: reply.written, at: target)
      if let zone = zoneOf(answer.target), let node = visibleNode(zone, answer.target) {
        for type in [RecordType.a, .aaaa] {
          guard let addresses = node.rrset(type) else { continue }
          _ = writeSigned(addresses, Owner(position: target), .additional, &answer, into: &reply)
        }
      }
      place += 12 + length
    }
  }

  /// The addresses of a delegation's servers. Those below the cut must be there for anyone to get on: without room for them
  /// the answer is truncated (RFC 9471 §3).
  @_lifetime(reply: copy reply)
  func addGlue(
    of servers: RRsetView, from start: Int, cut: Int, _ answer: inout Answer, in zone: ZoneView,
    into reply: inout FixedWriter
  ) {
    var place = start
    for _ in 0..<servers.count {
      let length = Self.dataLength(in: reply.written, at: place)
      let target = Self.position(of: 0, ofNameAt: place + 12, in: reply.written)
      answer.target.read(reply: reply.written, at: target)
      let node = isWithin(zone, answer.target) ? zone.find(answer.target, labels: answer.target.labelCount) : nil
      if let node {
        for type in [RecordType.a, .aaaa] {
          guard let addresses = node.rrset(type) else { continue }
          let fits = writeSigned(addresses, Owner(position: target), .additional, &answer, into: &reply)
          if !fits, isBelow(answer, cut) { answer.isTruncated = true }
        }
      }
      place += 12 + length
    }
  }

  /// Whether `answer.target` is at or below the cut, which is the last `cut` labels of `answer.name`.
  private func isBelow(_ answer: borrowing Answer, _ cut: Int) -> Bool {
    guard answer.target.labelCount >= cut else { return false }
    return answer.target.hashes[cut] == answer.name.hashes[cut]
  }

  private func isWithin(_ zone: ZoneView, _ name: borrowing QueryName) -> Bool {
    guard name.labelCount >= zone.apexLabels else { return false }
    let start = name.offset(ofSuffix: zone.apexLabels)
    guard name.length - start == zone.apexLength else { return false }
    for index in 0..<zone.apexLength
    where zone.apex.load(fromByteOffset: index, as: UInt8.self) != name.bytes[start + index] {
      return false
    }
    return true
  }

  /// The node of a name that the zone itself answers for.
  private func visibleNode(_ zone: ZoneView, _ name: borrowing QueryName) -> NodeView? {
    guard let node = zone.find(name, labels: name.labelCount), node.flags.isDisjoint(with: [.occluded]) else {
      return nil
    }
    return node
  }

  private static func dataLength(in reply: RawSpan, at place: Int) -> Int {
    Int(UInt16(bigEndian: reply.unsafeLoadUnaligned(fromByteOffset: place + 10, as: UInt16.self)))
  }

  private static func targetOffset(_ type: RecordType) -> Int? {
    switch type {
    case .ns: 0
    case .mx, .kx, .afsdb, .rt, .svcb, .https: 2
    case .srv: 6
    default: nil
    }
  }
}
