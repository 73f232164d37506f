import Crypto
import DHCPCore
import DNSCore
import Services
import WireKit

/// Which names belong to which leases, and the records that say so (RFC 4703): a value, without server or clock.
///
/// A name is one client's: whoever has it keeps it until its lease ends, and another client that calls itself the same gets
/// none meanwhile. What people wrote into the zone goes first in any case; the DNS server sees to that.
struct LeaseNames {
  private struct Entry {
    var name: Name
    /// Whom it belongs to: the data of the DHCID record (RFC 4701).
    var owner: [UInt8]
    var slot: Slot
  }

  private struct Slot: Hashable {
    var subnet: IPNetwork
    var client: [UInt8]
  }

  /// What came of a lease.
  struct Outcome {
    /// The records by key, as `DNSServer.updateDynamic` takes them.
    var changes: [String: [ResourceRecord]] = [:]
    /// Names that were refused, as another client has them.
    var conflicts: [(name: Name, address: IPAddress)] = []
  }

  /// The zone that the names are in.
  let zone: Name
  private var entries: [IPAddress: Entry] = [:]
  private var holders: [Name: IPAddress] = [:]
  private var addresses: [Slot: IPAddress] = [:]

  init(zone: Name) { self.zone = zone }

  /// Takes in a lease as it is now.
  mutating func take(_ lease: LeaseRecord, now: WallTime, into outcome: inout Outcome) {
    let slot = Slot(subnet: lease.subnet, client: lease.client)
    // The client's other address in this subnet is not its own any more.
    if lease.state != .declined, let other = addresses[slot], other != lease.address { remove(other, into: &outcome) }
    guard lease.state == .bound, lease.expires > now, let label = lease.hostName.flatMap({ HostLabel.of($0) }),
      let name = try? Name(label, origin: zone)
    else { return remove(lease.address, into: &outcome) }
    let owner = Self.identifier(lease.client, name)
    if let holder = holders[name], holder != lease.address {
      guard entries[holder]?.owner == owner else {
        remove(lease.address, into: &outcome)
        outcome.conflicts.append((name, lease.address))
        return
      }
      remove(holder, into: &outcome)
    }
    if entries[lease.address]?.name != name { remove(lease.address, into: &outcome) }
    entries[lease.address] = Entry(name: name, owner: owner, slot: slot)
    holders[name] = lease.address
    addresses[slot] = lease.address
    outcome.changes[Self.key(lease.address)] = Self.records(name, lease, owner)
  }

  /// Takes out the names of an address.
  mutating func remove(_ address: IPAddress, into outcome: inout Outcome) {
    guard let entry = entries.removeValue(forKey: address) else { return }
    if holders[entry.name] == address { holders[entry.name] = nil }
    if addresses[entry.slot] == address { addresses[entry.slot] = nil }
    outcome.changes[Self.key(address)] = []
  }

  /// Every key that has records now, without any: to take them all out.
  var cleared: [String: [ResourceRecord]] {
    Dictionary(uniqueKeysWithValues: entries.keys.map { (Self.key($0), []) })
  }

  private static func key(_ address: IPAddress) -> String { "dhcp \(address)" }

  private static func records(_ name: Name, _ lease: LeaseRecord, _ owner: [UInt8]) -> [ResourceRecord] {
    // A third of the lease (RFC 4702 §5), so that a name that has gone is not believed in for long.
    let (length, overflow) = lease.expires.seconds.subtractingReportingOverflow(lease.starts.seconds)
    let ttl = UInt32(clamping: overflow ? 3_600 : min(3_600, max(30, length / 3)))
    let address = lease.address.family == .v4 ? RData(A(lease.address)) : RData(AAAA(lease.address))
    var records = [
      ResourceRecord(name, ttl: ttl, address),
      ResourceRecord(Name(reverseOf: lease.address), ttl: ttl, RData(PTR(name))),
    ]
    if let data = try? RData(type: .dhcid, wire: owner.span.bytes) {
      records.append(ResourceRecord(name, ttl: ttl, data))
    }
    return records
  }

  /// The data of a DHCID record (RFC 4701 §3): the kind of identifier, the digest's number, and SHA-256 over identifier and
  /// name.
  private static func identifier(_ client: [UInt8], _ name: Name) -> [UInt8] {
    let kind: UInt8
    let identity: ArraySlice<UInt8>
    if client.first == 1 {
      let identifier = client.dropFirst()
      // RFC 4361: type 255, an interface number of four octets, then the DUID, which is the same for DHCPv6.
      let holdsDUID = identifier.first == 255 && identifier.count > 5
      (kind, identity) = holdsDUID ? (2, identifier.dropFirst(5)) : (1, identifier)
    } else {
      (kind, identity) = (0, client.dropFirst())
    }
    return [0, kind, 1] + SHA256.hash(data: Array(identity) + name.lowercased.wire)
  }
}
