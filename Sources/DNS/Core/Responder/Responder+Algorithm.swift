import WireKit

extension Responder {
  /// RFC 1034 §4.3.2, steps 2 to 6, once for each alias on the way.
  @_lifetime(reply: copy reply)
  func resolve(
    _ type: RecordType, in first: ZoneView, _ answer: inout Answer, into reply: inout FixedWriter
  ) -> ResponseCode {
    var zone = first
    var aliases = 0
    _ = answer.hasSeen()
    while true {
      switch step(type, in: zone, &answer, into: &reply) {
      case .done(let code): return code
      case .follow:
        aliases += 1
        guard aliases <= settings.aliasLimit, !answer.hasSeen() else {
          proveWildcards(&answer, into: &reply)
          return .noError
        }
        // Where an alias leads out of all our zones, its resolver goes on by itself.
        guard let next = zoneOf(answer.name) else {
          answer.leadsOutside = true
          proveWildcards(&answer, into: &reply)
          return .noError
        }
        guard !next.isUnavailable else { return .servFail }
        zone = next
      }
    }
  }

  private enum Step {
    case done(ResponseCode)
    /// `answer.name` is the alias's target.
    case follow
  }

  @_lifetime(reply: copy reply)
  private func step(
    _ type: RecordType, in zone: ZoneView, _ answer: inout Answer, into reply: inout FixedWriter
  ) -> Step {
    let labels = answer.name.labelCount
    // Most queries hit a name that exists and is no cut: one look-up.
    let hit = zone.find(answer.name, labels: labels)
    if let hit, hit.flags.isDisjoint(with: [.cut, .occluded]) {
      return matched(hit, type, in: zone, synthesised: false, &answer, into: &reply)
    }
    var encloser = zone.node(at: zone.apexNode)
    var depth = zone.apexLabels
    while depth < labels {
      if encloser.flags.contains(.redirection) {
        return redirect(encloser, depth, in: zone, &answer, into: &reply)
      }
      guard let child = zone.find(answer.name, labels: depth + 1) else { break }
      encloser = child
      depth += 1
      if child.flags.contains(.cut), !(type == .ds && depth == labels) {
        return refer(child, depth, &answer, in: zone, into: &reply)
      }
    }
    if depth == labels { return matched(encloser, type, in: zone, synthesised: false, &answer, into: &reply) }
    if encloser.flags.contains(.wildcardParent), let wildcard = zone.findWildcard(answer.name, below: depth) {
      // A wildcard that is a cut refers, with the name that was asked for as the zone's (RFC 4592 §4.2 leaves it open).
      let isParentsSide = type == .ds && labels == depth + 1
      if wildcard.flags.contains(.cut), !isParentsSide {
        return refer(wildcard, labels, &answer, in: zone, into: &reply)
      }
      answer.wildcardHash = answer.name.hashes[depth]
      if answer.wantsDNSSEC, zone.denial != nil {
        // More of them in one answer than are counted here: the resolver goes on by itself.
        guard answer.wildcardCount < answer.wildcards.count else { return .done(.noError) }
        answer.wildcards[answer.wildcardCount] = Answer.WildcardUse(
          zone: zone, position: answer.position, encloser: depth)
        answer.wildcardCount += 1
      }
      return matched(wildcard, type, in: zone, synthesised: true, &answer, into: &reply)
    }
    writeNegative(zone, &answer, into: &reply)
    if answer.wantsDNSSEC { proveNoName(zone, encloser: depth, &answer, into: &reply) }
    proveWildcards(&answer, into: &reply)
    return .done(.nxDomain)
  }

  /// The name exists, or a wildcard stands for it.
  @_lifetime(reply: copy reply)
  private func matched(
    _ node: NodeView, _ type: RecordType, in zone: ZoneView, synthesised: Bool, _ answer: inout Answer,
    into reply: inout FixedWriter
  ) -> Step {
    if let rrset = node.rrset(type) {
      let start = reply.count
      let place = owner(of: node, zone, answer, synthesised)
      // Of signatures that are asked for by themselves, those of one set are enough (RFC 8482 §7): like ANY.
      if writeSigned(rrset, place, .answer, &answer, into: &reply) {
        proveWildcards(&answer, into: &reply)
        addTargets(of: rrset, from: start, &answer, into: &reply)
      } else {
        answer.isTruncated = true
      }
      return .done(.noError)
    }
    if type == .any, node.rrsetCount > 0 {
      // One set is an answer to ANY (RFC 8482 §4.1): nothing to amplify with.
      let place = owner(of: node, zone, answer, synthesised)
      if !writeSigned(node.rrset(at: 0), place, .answer, &answer, into: &reply) { answer.isTruncated = true }
      proveWildcards(&answer, into: &reply)
      return .done(.noError)
    }
    if node.flags.contains(.alias), let alias = node.rrset(.cname) {
      let start = reply.count
      let place = owner(of: node, zone, answer, synthesised)
      guard writeSigned(alias, place, .answer, &answer, into: &reply) else {
        answer.isTruncated = true
        return .done(.noError)
      }
      answer.position = Self.position(of: 0, ofNameAt: start + 12, in: reply.written)
      answer.name.read(reply: reply.written, at: start + 12)
      return .follow
    }
    writeNegative(zone, &answer, into: &reply)
    if answer.wantsDNSSEC { proveNoData(node, in: zone, synthesised: synthesised, &answer, into: &reply) }
    proveWildcards(&answer, into: &reply)
    return .done(.noError)
  }

  /// The owner of a node's RRsets: the name asked for, also where a wildcard stands for it.
  @inline(__always)
  private func owner(
    of node: NodeView, _ zone: ZoneView, _ answer: borrowing Answer, _ synthesised: Bool
  ) -> Owner {
    let length = node.nameLength + zone.apexLength
    return Owner(
      position: answer.position, packedLength: length, shift: synthesised ? answer.name.length - length : 0)
  }

  /// A referral: NS in the authority section, addresses of servers as glue (RFC 1034 §4.3.2 step 3b).
  @_lifetime(reply: copy reply)
  private func refer(
    _ node: NodeView, _ depth: Int, _ answer: inout Answer, in zone: ZoneView, into reply: inout FixedWriter
  ) -> Step {
    // An answer that began with an alias of ours stays authoritative for that (RFC 1035 §4.1.1).
    if answer.answers == 0 { answer.isAuthoritative = false }
    guard let servers = node.rrset(.ns) else { return .done(.servFail) }
    let offset = answer.name.offset(ofSuffix: depth)
    let position = Self.position(of: offset, ofNameAt: answer.position, in: reply.written)
    let isWildcard = node.nameLength >= 2 && node.name.loadUnaligned(as: UInt16.self) == 0x2A01
    let length = node.nameLength + zone.apexLength
    let owner = Owner(
      position: position, packedLength: length, shift: isWildcard ? answer.name.length - offset - length : 0)
    let start = reply.count
    guard write(servers, owner, .authority, &answer, into: &reply) else {
      answer.isTruncated = true
      return .done(.noError)
    }
    if answer.wantsDNSSEC {
      writeDelegationSecurity(node, owner, depth, isWildcard: isWildcard, in: zone, &answer, into: &reply)
    }
    proveWildcards(&answer, into: &reply)
    addGlue(of: servers, from: start, cut: depth, &answer, in: zone, into: &reply)
    return .done(.noError)
  }

  /// DNAME (RFC 6672 §3.2): the record, a CNAME made from it, and on with the new name.
  @_lifetime(reply: copy reply)
  private func redirect(
    _ node: NodeView, _ depth: Int, in zone: ZoneView, _ answer: inout Answer, into reply: inout FixedWriter
  ) -> Step {
    guard let rrset = node.rrset(.dname) else { return .done(.servFail) }
    let prefix = answer.name.offset(ofSuffix: depth)
    let owner = Self.position(of: prefix, ofNameAt: answer.position, in: reply.written)
    let start = reply.count
    guard writeSigned(rrset, Owner(position: owner), .answer, &answer, into: &reply) else {
      answer.isTruncated = true
      return .done(.noError)
    }
    let target = start + 12
    answer.target.read(reply: reply.written, at: target)
    guard prefix + answer.target.length <= Name.maximumLength else { return .done(.yxDomain) }
    let cname = reply.count
    do throws(WireError) {
      try reply.writeInteger(UInt16(truncatingIfNeeded: 0xC000 | answer.position))
      try reply.writeInteger(RecordType.cname.rawValue)
      try reply.writeInteger(RecordClass.in.rawValue)
      try reply.writeInteger(
        UInt32(bigEndian: reply.written.unsafeLoadUnaligned(fromByteOffset: start + 6, as: UInt32.self)))
      try reply.writeInteger(UInt16(prefix + 2))
      var place = answer.position
      var copied = 0
      while copied < prefix {
        // The labels before the DNAME's owner, in the case in which they were asked for.
        let size = reply.written.unsafeLoad(fromByteOffset: place, as: UInt8.self)
        if size >= 0xC0 {
          place = Self.pointer(in: reply.written, at: place)
          continue
        }
        for index in place...(place + Int(size)) {
          try reply.writeInteger(reply.written.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
        place += 1 + Int(size)
        copied += 1 + Int(size)
      }
      try reply.writeInteger(UInt16(truncatingIfNeeded: 0xC000 | target))
    } catch {
      reply.truncate(to: cname)
      answer.isTruncated = true
      return .done(.noError)
    }
    answer.answers += 1
    answer.position = cname + 12
    answer.name.read(reply: reply.written, at: cname + 12)
    return .follow
  }

  /// The SOA in the authority section, so that the absence may be kept (RFC 2308 §2).
  @_lifetime(reply: copy reply)
  private func writeNegative(_ zone: ZoneView, _ answer: inout Answer, into reply: inout FixedWriter) {
    guard let rrset = zone.node(at: zone.apexNode).rrset(.soa) else { return }
    let offset = answer.name.offset(ofSuffix: zone.apexLabels)
    let position =
      answer.position == Header.wireLength
      ? Header.wireLength + offset : Self.position(of: offset, ofNameAt: answer.position, in: reply.written)
    let start = reply.count
    let owner = Owner(position: position, packedLength: zone.apexLength)
    guard write(rrset, owner, .authority, &answer, into: &reply) else {
      answer.isTruncated = true
      return
    }
    reply.setInteger(zone.negativeTTL, at: start + 6)
    guard answer.wantsDNSSEC, let signatures = rrset.signatures else { return }
    let signaturesStart = reply.count
    guard write(signatures, owner, .authority, &answer, into: &reply) else {
      answer.isTruncated = true
      return
    }
    setTTLs(zone.negativeTTL, from: signaturesStart, into: &reply)
  }
}
