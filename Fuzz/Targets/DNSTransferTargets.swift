import DNSCore
import WireKit

extension FuzzTarget {
  static let dnsTSIG = FuzzTarget(
    "dns-tsig",
    "A signature is found right only for a message that its key signed; whatever is refused gets a reply that decodes."
  ) { bytes in
    let key = TSIGKey(name: try Name("key."), algorithm: .hmacSHA256, secret: Array(0..<32))
    let stranger = TSIGKey(name: try Name("key."), algorithm: .hmacSHA256, secret: Array(1...32))
    switch TSIGCheck.check(bytes, TSIGKeyring([key]), now: 1_700_000_000) {
    case .valid(let plain, var transaction):
      if case .valid = TSIGCheck.check(bytes, TSIGKeyring([stranger]), now: 1_700_000_000) {
        throw BrokenInvariant("right by another key, too")
      }
      try require(plain.count < bytes.count, "nothing was taken off")
      var reply = Array(plain.prefix(12))
      for place in 4..<12 { reply[place] = 0 }
      transaction.sign(&reply)
      try require(try TSIGRecord.find(in: reply) != nil, "a reply that is not signed")
    case .failed(_, let reply): _ = try Message.decode(reply)
    case .unsigned, .malformed: break
    }
    if let found = (try? SIG0Record.find(in: bytes)) ?? nil {
      try require(found.plain.count < bytes.count && !found.signature.isEmpty, "nothing was taken off")
    }
    var verifier = TSIGVerifier(key)
    var request = Array(repeating: UInt8(0), count: 12)
    verifier.sign(&request, now: 1_700_000_000)
    _ = try? verifier.verify(bytes, now: 1_700_000_000)
  }

  static let dnsTransfer = FuzzTarget(
    "dns-transfer", "Any stream of answers makes a zone, steps or a refusal; steps survive a journal."
  ) { bytes in
    let apex = try Name("lab.test.")
    let input = FuzzInput(bytes)
    let requests: [TransferReader.Request] = [.whole, .changes(since: 1), .changes(since: 2)]
    var reader = TransferReader(apex: apex, id: 7, requests[Int(input.control) % 3])
    var stream = WireReader(input.payload.span.bytes)
    do {
      while !stream.isAtEnd {
        let length = Int(try stream.readUInt16("length"))
        if try reader.take(try stream.readBytes(length, "message")) { break }
      }
      switch try reader.finish() {
      case .upToDate: break
      case .whole(let zone): try require(zone?.soaRecord != nil, "a zone without SOA")
      case .changes(let steps):
        for step in steps {
          let entry = JournalEntry.encode(step, digest: 1)
          guard let head = JournalEntry.head(Array(entry.prefix(8))) else { throw BrokenInvariant("a head") }
          let again = try JournalEntry.decode(Array(entry.dropFirst(8)), checksum: head.checksum)
          try require(again.difference == step, "another step")
        }
      }
    } catch is WireError {
    } catch is TransferReader.Failure {}
    if let head = JournalEntry.head(bytes) { _ = try? JournalEntry.decode(bytes, checksum: head.checksum) }
  }

  static let dnsUpdate = FuzzTarget(
    "dns-update", "No update takes a record away that it does not own, and what it leaves makes a zone."
  ) { bytes in
    guard let message = try? Message.decode(bytes), let update = try? ZoneUpdate(message) else { return }
    let zone = try updatedZone.get()
    guard let own = try? update.apply(to: zone, own: []) else { return }
    var builder = ZoneBuilder(apex: zone.apex)
    zone.forEachRecord { builder.add($0) }
    for record in own { builder.add(record) }
    let (built, findings) = builder.build()
    try require(built != nil, "no zone: \(findings)")
    try require(own.allSatisfy { $0.name.isWithin(zone.apex) && $0.type != .soa }, "a record that may not be")
    // Once more, and nothing changes.
    guard let built else { return }
    let again = try? update.apply(to: built, own: own)
    try require(again == nil || Set(again ?? []).count <= own.count * 2, "it grows")
  }

  private static let updatedZone = Result {
    let text = Array(
      "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.1\nb CNAME a\n*.c MX 1 a\nd NS e.d\ne.d A 192.0.2.2\n".utf8)
    guard let zone = Zone.load(text.span.bytes, apex: try Name("lab.test.")).zone else {
      throw BrokenInvariant("the sample zone")
    }
    return zone
  }
}

extension FuzzTarget {
  static let dnsCatalog = FuzzTarget(
    "dns-catalog", "Any zone is a catalog of different zones, or none; what it lists makes a catalog of the same zones."
  ) { bytes in
    let apex = try Name("catalog.test.")
    let text = Array(CatalogZone.text.utf8) + bytes
    guard let zone = Zone.load(text.span.bytes, apex: apex).zone, let members = try? CatalogZone.members(of: zone)
    else {
      return
    }
    try require(Set(members).count == members.count, "a zone twice")
    let head = Array(CatalogZone.text.utf8)
    var builder = ZoneBuilder(apex: apex)
    _ = ZoneFile.parse(head.span.bytes, origin: apex, into: &builder)
    for record in CatalogZone.records(members, in: apex) { builder.add(record) }
    guard let again = builder.build().zone else { throw BrokenInvariant("no zone") }
    try require(try CatalogZone.members(of: again) == members, "other zones")
    // A digest is right for the zone that it was made for.
    guard let digested = ZoneDigest.adding(to: zone) else { throw BrokenInvariant("no digest") }
    try require(ZoneDigest.verify(digested) == .right, "a wrong digest")
  }
}
