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
