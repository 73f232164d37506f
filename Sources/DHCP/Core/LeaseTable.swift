import WireKit

/// All leases in memory, and which address is the next to give.
///
/// Addresses that nobody ever had go first, in order; then those whose last lease ended longest ago, so that a client that
/// comes back finds its old one.
public struct LeaseTable: Sendable {
  private struct Slot: Hashable {
    var subnet: IPNetwork
    var client: ClientKey
  }

  private var byAddress: [IPAddress: Lease] = [:]
  private var byClient: [Slot: IPAddress] = [:]
  private var byPlace: [[UInt8]: Holdings] = [:]
  /// For each pool, the first address that may never have been given.
  private var fresh: [AddressRange: UInt32] = [:]
  /// Ended or ending leases by their end, the earliest first; an entry that no longer tells the truth is skipped.
  private var ending: [IPNetwork: ExpiryHeap] = [:]

  public init() {}

  public var count: Int { byAddress.count }
  public var all: some Collection<Lease> { byAddress.values }

  public func lease(at address: IPAddress) -> Lease? { byAddress[address] }

  public func lease(of client: ClientKey, in subnet: IPNetwork) -> Lease? {
    byClient[Slot(subnet: subnet, client: client)].flatMap { byAddress[$0] }
  }

  /// Addresses held at a place: by one circuit of one relay.
  public mutating func held(at place: [UInt8], now: Int64) -> Int { byPlace[place]?.count(now: now) ?? 0 }

  /// Enters a lease. It takes the place of what was at its address, and of the client's other lease in the subnet.
  public mutating func set(_ lease: Lease) {
    let slot = Slot(subnet: lease.subnet, client: lease.client)
    if let old = byAddress[lease.address] { unlink(old) }
    if lease.state != .declined, let other = byClient[slot], other != lease.address, let old = byAddress[other] {
      remove(old.address)
    }
    byAddress[lease.address] = lease
    if lease.state != .declined { byClient[slot] = lease.address }
    if !lease.place.isEmpty, lease.state != .released {
      byPlace[lease.place, default: Holdings()].add(lease.address, until: lease.expires)
    }
    if lease.expires != .max {
      let end = lease.state == .released ? min(lease.expires, lease.starts) : lease.expires
      ending[lease.subnet, default: ExpiryHeap()].push(ExpiryHeap.Entry(time: end, address: lease.address))
      // Every renewal leaves an entry that is no longer true; a client that renews without rest shall not fill the memory.
      if let heap = ending[lease.subnet], heap.count > 4 * byAddress.count + 4_096 { rebuild(lease.subnet) }
    }
  }

  private mutating func rebuild(_ subnet: IPNetwork) {
    var heap = ExpiryHeap()
    for entry in ending[subnet]?.all ?? [] where entry.time == .min && byAddress[entry.address] == nil {
      heap.push(entry)
    }
    for lease in byAddress.values where lease.subnet == subnet && lease.expires != .max {
      let end = lease.state == .released ? min(lease.expires, lease.starts) : lease.expires
      heap.push(ExpiryHeap.Entry(time: end, address: lease.address))
    }
    ending[subnet] = heap
  }

  /// Takes back an address that `next` gave and nobody took.
  mutating func giveBack(_ address: IPAddress, in subnet: IPNetwork) {
    guard let lease = byAddress[address] else {
      return ending[subnet, default: ExpiryHeap()].push(ExpiryHeap.Entry(time: .min, address: address))
    }
    // Its last lease has ended; the entry that said so went when the address was given.
    guard lease.expires != .max else { return }
    let end = lease.state == .released ? min(lease.expires, lease.starts) : lease.expires
    ending[subnet, default: ExpiryHeap()].push(ExpiryHeap.Entry(time: end, address: address))
  }

  /// Takes over a lease that another process wrote, unless what stands here is newer.
  /// - Returns: Whether it was news.
  mutating func adopt(_ lease: Lease) -> Bool {
    if let known = byAddress[lease.address] {
      guard known != lease, lease.starts >= known.starts else { return false }
      if lease.starts == known.starts, lease.client != known.client || lease.state == known.state { return false }
    }
    set(lease)
    return true
  }

  /// Forgets an address; it counts as one that nobody ever had.
  public mutating func remove(_ address: IPAddress) {
    guard let lease = byAddress.removeValue(forKey: address) else { return }
    unlink(lease)
    ending[lease.subnet, default: ExpiryHeap()].push(ExpiryHeap.Entry(time: .min, address: address))
  }

  private mutating func unlink(_ lease: Lease) {
    let slot = Slot(subnet: lease.subnet, client: lease.client)
    if byClient[slot] == lease.address { byClient[slot] = nil }
    if !lease.place.isEmpty, byPlace[lease.place]?.remove(lease.address) == true { byPlace[lease.place] = nil }
  }

  /// The next address of a pool to give; `nil` when it is exhausted. The caller enters a lease for it.
  /// - Parameter isTaken: Addresses that are nobody's to have, such as reserved ones.
  public mutating func next(
    in pool: AddressRange, of subnet: IPNetwork, now: Int64, isTaken: (IPAddress) -> Bool
  ) -> IPAddress? {
    var number = fresh[pool] ?? pool.first
    while number <= pool.last {
      let address = IPAddress(v4: number)
      let (following, overflow) = number.addingReportingOverflow(1)
      let isFree = byAddress[address] == nil && !isTaken(address)
      number = following
      if isFree {
        fresh[pool] = number
        return address
      }
      if overflow { break }
    }
    fresh[pool] = max(number, pool.first)
    return oldest(in: pool, of: subnet, now: now, isTaken: isTaken)
  }

  private mutating func oldest(
    in pool: AddressRange, of subnet: IPNetwork, now: Int64, isTaken: (IPAddress) -> Bool
  ) -> IPAddress? {
    var heap = ending[subnet] ?? ExpiryHeap()
    ending[subnet] = nil
    defer { ending[subnet] = heap }
    var elsewhere: [ExpiryHeap.Entry] = []
    defer { for entry in elsewhere { heap.push(entry) } }
    while let entry = heap.first, entry.time <= now {
      heap.removeFirst()
      if let lease = byAddress[entry.address] {
        let end = lease.state == .released ? min(lease.expires, lease.starts) : lease.expires
        // The lease was renewed meanwhile, and has an entry of its own for that.
        guard end == entry.time, !lease.isHeld(at: now) else { continue }
      } else if entry.time != .min {
        continue
      }
      if pool.contains(entry.address), !isTaken(entry.address) { return entry.address }
      elsewhere.append(entry)
    }
    return nil
  }
}

/// What one place holds, counted without looking at every lease of it at every question.
struct Holdings: Sendable {
  private var ends: [IPAddress: Int64] = [:]
  private var ending = ExpiryHeap()

  mutating func add(_ address: IPAddress, until end: Int64) {
    ends[address] = end
    if end == .max { return }
    ending.push(ExpiryHeap.Entry(time: end, address: address))
    // Every renewal leaves an entry that is no longer true.
    guard ending.count > 2 * ends.count + 64 else { return }
    ending = ExpiryHeap()
    for (address, end) in ends where end != .max { ending.push(ExpiryHeap.Entry(time: end, address: address)) }
  }

  /// - Returns: Whether nothing is left.
  mutating func remove(_ address: IPAddress) -> Bool {
    ends[address] = nil
    return ends.isEmpty
  }

  /// How many have not ended; time runs forward only.
  mutating func count(now: Int64) -> Int {
    while let entry = ending.first, entry.time <= now {
      ending.removeFirst()
      if ends[entry.address] == entry.time { ends[entry.address] = nil }
    }
    return ends.count
  }
}

/// A binary heap of ends of leases.
struct ExpiryHeap: Sendable {
  struct Entry: Sendable {
    var time: Int64
    var address: IPAddress
  }

  private var entries: [Entry] = []

  var first: Entry? { entries.first }
  var count: Int { entries.count }
  var all: [Entry] { entries }

  mutating func push(_ entry: Entry) {
    entries.append(entry)
    var index = entries.count - 1
    while index > 0, entries[index].time < entries[(index - 1) / 2].time {
      entries.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  mutating func removeFirst() {
    guard let last = entries.popLast(), !entries.isEmpty else { return }
    entries[0] = last
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2]
      where child < entries.count && entries[child].time < entries[least].time { least = child }
      if least == index { return }
      entries.swapAt(index, least)
      index = least
    }
  }
}
