import WireKit

/// Gathers a zone's records and packs them into a `Zone`.
///
/// All its memory is a handful of arrays: a record costs 24 octets and its data, a name 24 octets and its labels.
public struct ZoneBuilder: ZoneFileSink, ~Copyable {
  struct Node {
    var hash: UInt32
    /// Where the labels below the apex stand in `names`.
    var name: UInt32
    var parent: UInt32
    /// First and last record in `entries`, or `none`.
    var first: UInt32
    var last: UInt32
    var nameLength: UInt8
    var flags: UInt8
  }

  struct Entry {
    /// The next record of the same node, or `none`.
    var next: UInt32
    /// Where the data stands in `data`.
    var data: UInt32
    var ttl: UInt32
    var line: UInt32
    var type: UInt16
    var length: UInt16
    var file: UInt16
  }

  static let none = UInt32.max

  let apex: Name
  /// In lower case.
  let apexWire: [UInt8]
  private let apexState: UInt32
  var nodes: [Node] = []
  var names: [UInt8] = []
  var entries: [Entry] = []
  var data: [UInt8] = []
  var outOfZone: [(owner: Name, position: ZoneFilePosition)] = []
  private(set) var overflow = false
  /// Whether the zone is one that can't be answered from.
  var isUnavailable = false
  private var slots: [UInt32]
  private var offsets: [Int] = []
  private var states: [UInt32] = []

  public init(apex: Name) {
    self.apex = apex
    apexWire = apex.wire.map(\.asciiLowercased)
    var state = NameHash.root
    for label in apex.labels.reversed() {
      for octet in label { state = NameHash.step(state, octet.asciiLowercased) }
      state = NameHash.endLabel(state)
    }
    apexState = state
    slots = [UInt32](repeating: Self.none, count: 64)
    insert(
      Node(hash: NameHash.finish(state), name: 0, parent: 0, first: Self.none, last: Self.none, nameLength: 0, flags: 0)
    )
  }

  public mutating func add(
    owner: borrowing [UInt8], type: RecordType, ttl: UInt32, data rdata: borrowing [UInt8],
    at position: ZoneFilePosition
  ) {
    guard isInZone(owner) else {
      if outOfZone.count < 100 { outOfZone.append((Name(validWire: copy owner), position)) }
      return
    }
    guard let place = UInt32(exactly: data.count), entries.count < Int(Self.none),
      let length = UInt16(exactly: rdata.count)
    else {
      overflow = true
      return
    }
    let node = Int(nodeIndex(owner))
    let entry = UInt32(truncatingIfNeeded: entries.count)
    data.append(contentsOf: copy rdata)
    entries.append(
      Entry(
        next: Self.none, data: place, ttl: ttl, line: position.line, type: type.rawValue, length: length,
        file: position.file))
    if nodes[node].first == Self.none {
      nodes[node].first = entry
    } else {
      entries[Int(nodes[node].last)].next = entry
    }
    nodes[node].last = entry
  }

  /// Whether the owner is the apex or below it; leaves the starts of its labels below the apex in `offsets`.
  private mutating func isInZone(_ owner: borrowing [UInt8]) -> Bool {
    let end = owner.count - apexWire.count
    guard end >= 0 else { return false }
    offsets.removeAll(keepingCapacity: true)
    var offset = 0
    while offset < end {
      offsets.append(offset)
      offset += 1 + Int(owner[offset])
    }
    guard offset == end else { return false }
    for index in 0..<apexWire.count where owner[end + index].asciiLowercased != apexWire[index] { return false }
    return true
  }

  /// The node of the owner whose labels are in `offsets`; made, with its ancestors, when it is new.
  private mutating func nodeIndex(_ owner: borrowing [UInt8]) -> UInt32 {
    let end = owner.count - apexWire.count
    if end == 0 { return 0 }
    states.removeAll(keepingCapacity: true)
    var state = apexState
    var labelEnd = end
    for start in offsets.reversed() {
      for place in (start + 1)..<labelEnd { state = NameHash.step(state, owner[place].asciiLowercased) }
      state = NameHash.endLabel(state)
      states.append(NameHash.finish(state))
      labelEnd = start
    }
    if let found = find(owner, 0..<end, states[states.count - 1]) { return found }
    // The closest ancestor that exists, then everything below it, so that parents come before their children.
    var missing = 1
    var parent: UInt32 = 0
    while missing < offsets.count {
      if let found = find(owner, offsets[missing]..<end, states[offsets.count - 1 - missing]) {
        parent = found
        break
      }
      missing += 1
    }
    for index in stride(from: missing - 1, through: 0, by: -1) {
      let range = offsets[index]..<end
      let node = Node(
        hash: states[offsets.count - 1 - index], name: UInt32(truncatingIfNeeded: names.count), parent: parent,
        first: Self.none, last: Self.none, nameLength: UInt8(truncatingIfNeeded: range.count), flags: 0)
      for place in range { names.append(owner[place]) }
      parent = insert(node)
    }
    return parent
  }

  /// The node whose labels below the apex are `owner[range]`.
  private func find(_ owner: borrowing [UInt8], _ range: Range<Int>, _ hash: UInt32) -> UInt32? {
    let mask = slots.count - 1
    var slot = Int(hash) & mask
    while slots[slot] != Self.none {
      let index = slots[slot]
      let node = nodes[Int(index)]
      if node.hash == hash, Int(node.nameLength) == range.count {
        var isEqual = true
        for place in 0..<range.count
        where names[Int(node.name) + place].asciiLowercased != owner[range.lowerBound + place].asciiLowercased {
          isEqual = false
          break
        }
        if isEqual { return index }
      }
      slot = (slot + 1) & mask
    }
    return nil
  }

  /// The node of an absolute name in wire form, if it is in the zone and has one.
  mutating func existingNode(_ wire: [UInt8]) -> UInt32? {
    guard isInZone(wire) else { return nil }
    let end = wire.count - apexWire.count
    var state = apexState
    var labelEnd = end
    for start in offsets.reversed() {
      for place in (start + 1)..<labelEnd { state = NameHash.step(state, wire[place].asciiLowercased) }
      state = NameHash.endLabel(state)
      labelEnd = start
    }
    return end == 0 ? 0 : find(wire, 0..<end, NameHash.finish(state))
  }

  @discardableResult
  private mutating func insert(_ node: Node) -> UInt32 {
    let index = UInt32(truncatingIfNeeded: nodes.count)
    nodes.append(node)
    if nodes.count * 3 > slots.count * 2 {
      slots = [UInt32](repeating: Self.none, count: slots.count * 2)
      for index in nodes.indices { place(UInt32(truncatingIfNeeded: index)) }
    } else {
      place(index)
    }
    return index
  }

  private mutating func place(_ index: UInt32) {
    let mask = slots.count - 1
    var slot = Int(nodes[Int(index)].hash) & mask
    while slots[slot] != Self.none { slot = (slot + 1) & mask }
    slots[slot] = index
  }
}
