import WireKit

/// What a signed zone adds to an answer for who set DO: proofs that something is not there (RFC 4035 §3.1.3, RFC 5155 §7.2).
extension Responder {
  /// The name does not exist: no such name, and no wildcard that would stand for it.
  @_lifetime(reply: copy reply)
  func proveNoName(
    _ zone: ZoneView, encloser: Int, _ answer: inout Answer, into reply: inout FixedWriter
  ) {
    guard let table = zone.denial?.pointee, table.proves else { return }
    if table.isHashed {
      let proven = proveEncloser(of: answer.name.labelCount, encloser, zone, table, &answer, into: &reply)
      let hash = table.hash(answer.name, labels: proven, wildcard: true)
      writeProof(zone.hashedNode(table, hash)?.node, .nsec3, in: zone, &answer, into: &reply)
      return
    }
    writeProof(
      zone.coveringNode(table, answer.name, labels: answer.name.labelCount), .nsec, in: zone, &answer, into: &reply)
    writeProof(
      zone.coveringNode(table, answer.name, labels: encloser, wildcard: true), .nsec, in: zone, &answer, into: &reply)
  }

  /// The name (or the wildcard that stands for it) exists without such records. What proves that the wildcard may stand for
  /// it comes from `proveWildcards`.
  @_lifetime(reply: copy reply)
  func proveNoData(
    _ node: NodeView, in zone: ZoneView, synthesised: Bool, _ answer: inout Answer, into reply: inout FixedWriter
  ) {
    guard let table = zone.denial?.pointee, table.proves else { return }
    let labels = answer.name.labelCount
    guard table.isHashed else {
      // An empty name owns no record: the one before it covers it.
      let isOwner = node.rrset(.nsec) != nil
      let proof = isOwner ? node : zone.coveringNode(table, answer.name, labels: labels)
      return writeProof(proof, .nsec, in: zone, &answer, into: &reply)
    }
    if synthesised, let use = answer.wildcards[max(0, answer.wildcardCount - 1)] {
      // RFC 5155 §7.2.5: the encloser and the wildcard at it; the next closer name follows with the proof of its use.
      proveEncloser(of: labels, use.encloser, zone, table, &answer, into: &reply)
      let hash = table.hash(answer.name, labels: use.encloser, wildcard: true)
      return writeProof(zone.hashedNode(table, hash)?.node, .nsec3, in: zone, &answer, into: &reply)
    }
    if let found = zone.hashedNode(table, table.hash(answer.name, labels: labels)), found.isMatch {
      return writeProof(found.node, .nsec3, in: zone, &answer, into: &reply)
    }
    // A delegation left out of the chain, or an empty name above one (§7.2.4).
    proveEncloser(of: labels, labels - 1, zone, table, &answer, into: &reply)
  }

  /// Behind a referral's NS: DS with its signatures, or the proof that there is none (RFC 4035 §3.1.4, RFC 5155 §7.2.7).
  @_lifetime(reply: copy reply)
  func writeDelegationSecurity(
    _ node: NodeView, _ owner: Owner, _ depth: Int, isWildcard: Bool, in zone: ZoneView, _ answer: inout Answer,
    into reply: inout FixedWriter
  ) {
    guard let table = zone.denial?.pointee, table.proves else { return }
    if let signers = node.rrset(.ds) {
      if !writeSigned(signers, owner, .authority, &answer, into: &reply) { answer.isTruncated = true }
      return
    }
    guard table.isHashed else {
      let proof = isWildcard ? zone.coveringNode(table, answer.name, labels: depth) : node
      return writeProof(proof, .nsec, in: zone, &answer, into: &reply)
    }
    if let found = zone.hashedNode(table, table.hash(answer.name, labels: depth)), found.isMatch {
      return writeProof(found.node, .nsec3, in: zone, &answer, into: &reply)
    }
    proveEncloser(of: depth, depth - 1, zone, table, &answer, into: &reply)
  }

  /// For each name that a wildcard stood for: it does not exist itself (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6). Called when the
  /// answer section is complete.
  @_lifetime(reply: copy reply)
  @inline(__always)
  func proveWildcards(_ answer: inout Answer, into reply: inout FixedWriter) {
    if answer.wildcardCount > 0 { writeWildcardProofs(&answer, into: &reply) }
  }

  @_lifetime(reply: copy reply)
  private func writeWildcardProofs(_ answer: inout Answer, into reply: inout FixedWriter) {
    let position = answer.position
    for index in 0..<answer.wildcardCount {
      guard let use = answer.wildcards[index], let table = use.zone.denial?.pointee, table.proves else { continue }
      answer.position = use.position
      answer.name.read(reply: reply.written, at: use.position)
      if table.isHashed {
        let hash = table.hash(answer.name, labels: use.encloser + 1)
        writeProof(use.zone.hashedNode(table, hash)?.node, .nsec3, in: use.zone, &answer, into: &reply)
      } else {
        let labels = answer.name.labelCount
        writeProof(
          use.zone.coveringNode(table, answer.name, labels: labels), .nsec, in: use.zone, &answer, into: &reply)
      }
    }
    answer.wildcardCount = 0
    answer.position = position
    answer.name.read(reply: reply.written, at: position)
  }

  /// The deepest name above one of `labels` labels that the zone can prove, and that the next name below does not exist (RFC
  /// 5155 §7.2.1). Where delegations are left out of the chain, it may lie above the closest name that exists.
  /// - Returns: How many labels the proven encloser has.
  @_lifetime(reply: copy reply)
  @discardableResult
  private func proveEncloser(
    of labels: Int, _ encloser: Int, _ zone: ZoneView, _ table: DenialTable, _ answer: inout Answer,
    into reply: inout FixedWriter
  ) -> Int {
    var depth = max(encloser, zone.apexLabels)
    while true {
      let found = zone.hashedNode(table, table.hash(answer.name, labels: depth))
      if let found, found.isMatch {
        writeProof(found.node, .nsec3, in: zone, &answer, into: &reply)
        break
      }
      // The apex always has one, unless the zone is broken.
      guard depth > zone.apexLabels else { break }
      depth -= 1
    }
    if depth < labels {
      let next = zone.hashedNode(table, table.hash(answer.name, labels: depth + 1))
      writeProof(next?.node, .nsec3, in: zone, &answer, into: &reply)
    }
    return depth
  }

  /// Writes a node's NSEC or NSEC3 record and its signatures into the authority section, once in a reply.
  @_lifetime(reply: copy reply)
  private func writeProof(
    _ node: NodeView?, _ type: RecordType, in zone: ZoneView, _ answer: inout Answer, into reply: inout FixedWriter
  ) {
    guard let node, let rrset = node.rrset(type), answer.isNewProof(node) else { return }
    let start = reply.count
    guard let position = writeOwner(of: node, rrset, in: zone, answer, into: &reply), position < 0x4000 else {
      reply.truncate(to: start)
      answer.isTruncated = true
      return
    }
    answer.count(rrset.count, in: .authority)
    if let signatures = rrset.signatures,
      !write(signatures, Owner(position: position), .authority, &answer, into: &reply)
    {
      answer.isTruncated = true
    }
  }

  /// Writes a set whose owner is none of the names in the reply: the first record has the owner's labels as far as the name
  /// asked for does not share them, the others point there. Returns where the owner stands; `nil` when it does not fit.
  @_lifetime(reply: copy reply)
  private func writeOwner(
    of node: NodeView, _ rrset: RRsetView, in zone: ZoneView, _ answer: borrowing Answer,
    into reply: inout FixedWriter
  ) -> Int? {
    var offsets = InlineArray<128, UInt8>(repeating: 0)
    let count = node.labelOffsets(&offsets)
    var shared = 0
    while shared < count, zone.apexLabels + shared < answer.name.labelCount {
      let place = Int(offsets[count - 1 - shared])
      let length = node.name.load(fromByteOffset: place, as: UInt8.self)
      let start = answer.name.offset(ofSuffix: zone.apexLabels + shared + 1)
      guard answer.name.bytes[start] == length,
        node.compareLabel(at: place, length, count: Int(length), { answer.name.bytes[start + 1 + $0] }) == 0
      else { break }
      shared += 1
    }
    let suffix = answer.name.offset(ofSuffix: zone.apexLabels + shared)
    let target = Self.position(of: suffix, ofNameAt: answer.position, in: reply.written)
    let own =
      shared == count ? 0 : Int(offsets[count - 1 - shared]) + 1 + labelLength(node, offsets[count - 1 - shared])
    let position = own == 0 ? target : reply.count
    guard target < 0x4000 else { return nil }
    do throws(WireError) {
      try reply.writeBytes(UnsafeRawBufferPointer(start: node.name, count: own).bytes, "owner")
      try reply.writeInteger(UInt16(truncatingIfNeeded: 0xC000 | target))
      let rest = UnsafeRawBufferPointer(start: rrset.data + 2, count: rrset.length - 2)
      let start = reply.count - 2
      try reply.writeBytes(rest.bytes, "RRset")
      // The first record has its owner; each other one begins with a pointer, which was packed for another reply.
      var place = start
      for index in 0..<Int(rrset.count) {
        if index > 0 { reply.setInteger(UInt16(truncatingIfNeeded: 0xC000 | position), at: place) }
        place += 12 + Int(reply.written.unsafeLoadUnaligned(fromByteOffset: place + 10, as: UInt16.self).bigEndian)
      }
    } catch {
      return nil
    }
    return position
  }

  private func labelLength(_ node: NodeView, _ offset: UInt8) -> Int {
    Int(node.name.load(fromByteOffset: Int(offset), as: UInt8.self))
  }

  /// Sets the TTL of the records from `start` to the reply's end, whose owners are pointers.
  @_lifetime(reply: copy reply)
  func setTTLs(_ ttl: UInt32, from start: Int, into reply: inout FixedWriter) {
    var place = start
    while place + 12 <= reply.count {
      reply.setInteger(ttl, at: place + 6)
      place += 12 + Int(reply.written.unsafeLoadUnaligned(fromByteOffset: place + 10, as: UInt16.self).bigEndian)
    }
  }
}
