/// A zone's memory as the responder reads it: plain pointers, no reference counting. Whoever uses one holds the `Zone`.
///
/// The arena has the nodes, each at a multiple of eight octets:
/// ```
/// octet 0     length of the owner's labels below the apex (0 for the apex)
///       1     flags (NodeFlags)
///       2-3   number of RRsets
///       4-    the owner's labels below the apex, as written in the zone file
///       then  for each RRset, in rising order of types: type (2), records (2), octets with bit 31 = has pointers and bit 30
///             = signed (4); behind the row of a signed RRset stands that of its RRSIG records
///       then  for each RRset its records as they stand in a reply whose question is the owner: name C00C, type, class,
///             TTL, RDLENGTH, data with compression pointers
/// ```
/// Pointers in a packed RRset below 12 + the owner's length lead into the question's name; those above lead into the RRset
/// itself, which then begins at 12 + the owner's length + 4.
struct ZoneView: BitwiseCopyable {
  let arena: UnsafeRawPointer
  /// Hash in the high half, place of the node divided by eight in the low half; `UInt64.max` is free.
  let slots: UnsafePointer<UInt64>
  let slotMask: UInt32
  /// The apex in wire form, lower case.
  let apex: UnsafeRawPointer
  let apexLength: Int
  let apexLabels: Int
  let apexNode: UInt32
  /// How long a negative answer may be kept (RFC 2308 §5).
  let negativeTTL: UInt32
  /// Of a signed zone: where its NSEC or NSEC3 records are.
  let denial: UnsafeMutablePointer<DenialTable>?

  /// Whether there is nothing to answer from: SERVFAIL.
  var isUnavailable = false

  static let freeSlot = UInt64.max

  @inline(__always)
  func node(at place: UInt32) -> NodeView { NodeView(base: arena + Int(place) * 8) }

  /// The node whose name is the last `labels` labels of `name`.
  @inline(__always)
  func find(_ name: borrowing QueryName, labels: Int) -> NodeView? {
    if labels == apexLabels { return node(at: apexNode) }
    let start = name.offset(ofSuffix: labels)
    let count = name.length - apexLength - start
    let hash = name.hashes[labels]
    var slot = hash & slotMask
    while true {
      let entry = slots[Int(slot)]
      if entry == Self.freeSlot { return nil }
      if UInt32(truncatingIfNeeded: entry >> 32) == hash {
        let node = node(at: UInt32(truncatingIfNeeded: entry))
        if node.nameLength == count, matches(node, name, start, count) { return node }
      }
      slot = (slot &+ 1) & slotMask
    }
  }

  @inline(__always)
  private func matches(_ node: NodeView, _ name: borrowing QueryName, _ start: Int, _ count: Int) -> Bool {
    let stored = node.name
    for index in 0..<count
    where stored.load(fromByteOffset: index, as: UInt8.self).asciiLowercased != name.bytes[start + index] {
      return false
    }
    return true
  }

  /// The wildcard child of the node that has the last `labels` labels of `name`.
  func findWildcard(_ name: borrowing QueryName, below labels: Int) -> NodeView? {
    let hash = name.wildcardHash(below: labels)
    let start = name.offset(ofSuffix: labels)
    let count = name.length - apexLength - start
    var slot = hash & slotMask
    while true {
      let entry = slots[Int(slot)]
      if entry == Self.freeSlot { return nil }
      if UInt32(truncatingIfNeeded: entry >> 32) == hash {
        let node = node(at: UInt32(truncatingIfNeeded: entry))
        let stored = node.name
        if node.nameLength == count + 2, stored.loadUnaligned(as: UInt8.self) == 1,
          stored.load(fromByteOffset: 1, as: UInt8.self) == UInt8(ascii: "*")
        {
          var isEqual = true
          for index in 0..<count
          where stored.load(fromByteOffset: 2 + index, as: UInt8.self).asciiLowercased != name.bytes[start + index] {
            isEqual = false
          }
          if isEqual { return node }
        }
      }
      slot = (slot &+ 1) & slotMask
    }
  }
}

/// What a node is, besides its records.
struct NodeFlags: OptionSet, BitwiseCopyable {
  let rawValue: UInt8
  /// NS below the apex: the zone ends here (RFC 1034 §4.2.1).
  static let cut = NodeFlags(rawValue: 1)
  /// Has DNAME: everything below is elsewhere (RFC 6672).
  static let redirection = NodeFlags(rawValue: 2)
  /// Below a cut or DNAME: not answered from, glue at most.
  static let occluded = NodeFlags(rawValue: 4)
  /// A child `*` exists.
  static let wildcardParent = NodeFlags(rawValue: 8)
  /// Has CNAME.
  static let alias = NodeFlags(rawValue: 16)
  /// Names below it exist.
  static let hasChildren = NodeFlags(rawValue: 32)
}

/// One node in a zone's arena.
struct NodeView: BitwiseCopyable {
  let base: UnsafeRawPointer

  @inline(__always) var nameLength: Int { Int(base.load(as: UInt8.self)) }
  @inline(__always) var flags: NodeFlags { NodeFlags(rawValue: base.load(fromByteOffset: 1, as: UInt8.self)) }
  @inline(__always) var rrsetCount: Int { Int(base.load(fromByteOffset: 2, as: UInt16.self)) }
  @inline(__always) var name: UnsafeRawPointer { base + 4 }

  /// The RRset of a type.
  @inline(__always)
  func rrset(_ type: RecordType) -> RRsetView? {
    let count = rrsetCount
    var row = base + 4 + nameLength
    var data = row + count * 8
    for _ in 0..<count {
      let rrset = RRsetView(row: row, data: data)
      if rrset.type == type { return rrset }
      row += 8
      data += rrset.length
    }
    return nil
  }

  /// The RRset at a place, `0..<rrsetCount`.
  func rrset(at index: Int) -> RRsetView {
    var row = base + 4 + nameLength
    var data = row + rrsetCount * 8
    for _ in 0..<index {
      data += RRsetView(row: row, data: data).length
      row += 8
    }
    return RRsetView(row: row, data: data)
  }
}

/// One packed RRset.
struct RRsetView: BitwiseCopyable {
  let row: UnsafeRawPointer
  let data: UnsafeRawPointer

  static let pointerBit: UInt32 = 1 << 31
  static let signedBit: UInt32 = 1 << 30

  @inline(__always) var type: RecordType { RecordType(rawValue: row.loadUnaligned(as: UInt16.self)) }
  @inline(__always) var count: UInt16 { row.loadUnaligned(fromByteOffset: 2, as: UInt16.self) }
  @inline(__always) private var word: UInt32 { row.loadUnaligned(fromByteOffset: 4, as: UInt32.self) }
  @inline(__always) var length: Int { Int(word & (Self.signedBit - 1)) }
  /// Whether compression pointers stand in the data.
  @inline(__always) var hasPointers: Bool { word & Self.pointerBit != 0 }
  /// The RRSIG records over it.
  @inline(__always) var signatures: RRsetView? {
    word & Self.signedBit != 0 ? RRsetView(row: row + 8, data: data + length) : nil
  }
}
