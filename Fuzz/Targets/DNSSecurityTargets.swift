import DNSCore
import DNSSecurity
import WireKit

extension FuzzTarget {
  /// A message, as a server sends it to a validator.
  static let dnsValidator = FuzzTarget(
    "dns-validator",
    "Any message can be judged, at a bounded cost; nothing that nobody signed is found right, and a proof costs few hashes."
  ) { bytes in
    guard let message = try? Message.decode(bytes) else { return }
    var budget = VerificationBudget()
    let sets = SignedSet.sets(message.answers + message.authorities)
    for set in sets {
      let keys = set.data.compactMap { try? $0.value(as: DNSKEY.self) }.compactMap { ZoneKey($0) } + [signer]
      for zone in [set.name, Name.root] {
        guard let signature = try? set.verified(by: keys, of: zone, now: 1_800_000_000, &budget) else { continue }
        try require(signature.isValid(at: 1_800_000_000), "a signature that has expired")
      }
    }
    try require(budget.failures > -2 && budget.signatures > -600, "work without end")
    var hashing = VerificationBudget()
    let zones = Set(sets.compactMap(\.name.parent)).prefix(8)
    for zone in zones {
      let denial = Denial(zone: zone, sets: sets)
      for question in message.questions.prefix(2) where question.name.isWithin(zone) {
        let noName = denial.noName(question.name, &hashing)
        if denial.isEmpty { try require(noName == .unproven, "a proof by nothing") }
        _ = denial.noData(question.name, question.type, &hashing)
        _ = denial.noCloserName(question.name, labels: zone.labelCount, &hashing)
        _ = denial.cut(question.name, &hashing)
        // A name can't be there and not there by the same records, but where the records contradict themselves.
        try require(denial.cut(zone, &hashing) != .insecure || !denial.isEmpty, "a cut by nothing")
      }
    }
    try requireTracking(sets)
  }

  /// Key sets of any kind change no trust without a signature of who is trusted.
  private static func requireTracking(_ sets: [SignedSet]) throws {
    guard let digest = DS(of: signer.record, zone: .root) else { return }
    for set in sets where set.type == .dnskey {
      var tracker = AnchorTracker(zone: .root, digests: [digest])
      _ = tracker.observe(set, now: 1_800_000_000)
      try require(tracker.trusted == [digest], "trust by \(set)")
    }
  }

  /// A key whose private half nobody has: P-256's own base point.
  private static let signer: ZoneKey = {
    let point: [UInt8] = [
      0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03, 0x7D,
      0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A,
      0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB,
      0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
    ]
    let record = DNSKEY(flags: 257, algorithm: .ecdsaP256, publicKey: point)
    guard let key = ZoneKey(record) else { preconditionFailure("the base point is no key") }
    return key
  }()

  /// Values of the DNSSEC types: what decodes encodes to the same, and the responder's hashes agree with the validator's.
  static let dnsSecurityRecords = FuzzTarget(
    "dns-security-records", "DNSSEC records that decode give values that encode to the same octets."
  ) { bytes in
    guard let first = bytes.first else { return }
    let types: [RecordType] = [.dnskey, .rrsig, .ds, .nsec, .nsec3, .nsec3param]
    let type = types[Int(first) % types.count]
    let wire = Array(bytes.dropFirst())
    guard let data = try? RData(type: type, wire: wire.span.bytes) else { return }
    switch type {
    case .dnskey: try same(try data.value(as: DNSKEY.self), data)
    case .rrsig:
      let value: RRSIG = try data.value()
      try same(value, data)
      _ = value.signedOctets(owner: value.signer, data: [data])
    case .ds: try same(try data.value(as: DS.self), data)
    case .nsec: try same(try data.value(as: NSEC.self), data)
    case .nsec3: try same(try data.value(as: NSEC3.self), data)
    default: try same(try data.value(as: NSEC3PARAM.self), data)
    }
  }

  private static func same<Value: RecordValue>(_ value: Value, _ data: RData) throws {
    // A bitmap may come with windows that are empty but for zeros before their end; types are what counts.
    let again = RData(value)
    try require(again.wire == data.wire, "\(data.type) \(data) became \(again)")
  }
}
