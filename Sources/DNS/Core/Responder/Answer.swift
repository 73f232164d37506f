/// What is known while one reply is made.
struct Answer: ~Copyable {
  /// The name looked for at this moment; another one after each alias.
  var name = QueryName()
  /// Where that name stands in the reply.
  var position = Header.wireLength
  /// A name in the reply whose address is looked for.
  var target = QueryName()
  var answers: UInt16 = 0
  var authorities: UInt16 = 0
  var additionals: UInt16 = 0
  var isAuthoritative = false
  var isTruncated = false
  var leadsOutside = false
  /// The hash of the zone's name, and of the name that a wildcard stands at; 0 without.
  var zoneHash: UInt32 = 0
  var wildcardHash: UInt32 = 0
  /// Why (RFC 8914); −1 for no reason.
  var extendedError = -1
  /// DO: signatures and proofs go along (RFC 4035 §3.1).
  var wantsDNSSEC = false

  /// Names that a wildcard stood for: the proofs that they don't exist themselves follow in the authority section.
  var wildcards = InlineArray<4, WildcardUse?>(repeating: nil)
  var wildcardCount = 0

  /// A wildcard that was used, and for what name.
  struct WildcardUse: BitwiseCopyable {
    var zone: ZoneView
    /// Where the name stands in the reply.
    var position: Int
    /// Labels of the closest name above it that exists.
    var encloser: Int
  }

  /// The proofs that stand in the reply, so that none stands there twice.
  private var proofs = InlineArray<16, UInt>(repeating: 0)
  private var proofCount = 0

  /// Notes that a node's proof is written; `false` when it was before.
  mutating func isNewProof(_ node: NodeView) -> Bool {
    let address = UInt(bitPattern: node.base)
    for index in 0..<proofCount where proofs[index] == address { return false }
    if proofCount < proofs.count {
      proofs[proofCount] = address
      proofCount += 1
    }
    return true
  }

  /// The hashes of the names that aliases have led to.
  private var seen = InlineArray<16, UInt32>(repeating: 0)
  private var seenCount = 0

  /// Notes the name looked for at this moment; whether it was there before: aliases in a circle.
  mutating func hasSeen() -> Bool {
    let hash = name.hashes[name.labelCount]
    for index in 0..<seenCount where seen[index] == hash { return true }
    if seenCount < seen.count {
      seen[seenCount] = hash
      seenCount += 1
    }
    return false
  }

  enum Section { case answer, authority, additional }

  /// Takes back what `count` added.
  mutating func discount(_ records: UInt16, in section: Section) {
    switch section {
    case .answer: answers &-= records
    case .authority: authorities &-= records
    case .additional: additionals &-= records
    }
  }

  mutating func count(_ records: UInt16, in section: Section) {
    switch section {
    case .answer: answers &+= records
    case .authority: authorities &+= records
    case .additional: additionals &+= records
    }
  }
}

extension QueryName {
  /// Compares with a wire form in lower case.
  func isEqual(_ wire: StaticString) -> Bool {
    guard wire.utf8CodeUnitCount == length else { return false }
    return wire.withUTF8Buffer { wire in
      for index in 0..<length where bytes[index] != wire[index] { return false }
      return true
    }
  }
}
