import Configuration
import DHCPCore
import Foundation
import Services
import Stores
import Transport
import WireKit

/// The leases and reservations on disk, for the command line: beside a running server, which is told by a mark, or without.
struct LeaseFolder {
  struct Row: Encodable {
    var address: String
    var hardware: String?
    var client: String?
    var name: String?
    /// bound, released, declined, expired or reserved.
    var state: String
    var starts: String?
    var expires: String?
    var subnet: String
  }

  private let configuration: PortsideConfiguration
  private let folder: DataFolder

  init(_ configuration: PortsideConfiguration) throws {
    self.configuration = configuration
    folder = DataFolder(configuration)
    guard FileManager.default.fileExists(atPath: folder.leases) else {
      throw CommandFailure("\(folder.leases) does not exist: has the server ever run?")
    }
    try folder.becomeOwner()
  }

  /// Leases by address, and reservations without one.
  func rows(all: Bool) async throws -> [Row] {
    let now = SystemClock().wallTime()
    var rows: [(IPAddress, Row)] = []
    for lease in try leases() where all || lease.isHeld(at: now) {
      rows.append((lease.address, Self.row(lease, now)))
    }
    let taken = Set(rows.map(\.0))
    for entry in reservations() where !taken.contains(entry.address) {
      rows.append((entry.address, entry.row))
    }
    return rows.sorted { $0.0 < $1.0 }.map(\.1)
  }

  /// A page of what `rows` gives, from the store's own pages; and where the next one begins.
  func page(
    _ store: any LeaseStore, after: String?, limit: Int, all: Bool
  ) async throws -> (rows: [Row], next: String?) {
    let now = SystemClock().wallTime()
    let start = after.flatMap(Self.position)
    let leases = try await store.page(after: start, limit: limit, heldAt: all ? nil : now)
    var entries = leases.map { (position: LeasePosition($0.address, $0.subnet), row: Self.row($0, now)) }
    let isLast = leases.count < limit
    let end = isLast ? nil : entries.last?.position
    let taken = Set(leases.map(\.address))
    for entry in reservations() where !taken.contains(entry.address) {
      guard let subnet = IPNetwork(entry.row.subnet) else { continue }
      let position = LeasePosition(entry.address, subnet)
      guard start.map({ position > $0 }) ?? true, end.map({ position <= $0 }) ?? true else { continue }
      entries.append((position, entry.row))
    }
    entries.sort { $0.position < $1.position }
    let kept = entries.prefix(limit)
    let hasMore = entries.count > limit || !isLast
    return (kept.map(\.row), hasMore ? kept.last.map { Self.text($0.position) } : nil)
  }

  private static func text(_ position: LeasePosition) -> String { "\(position.address) \(position.subnet)" }

  private static func position(_ text: String) -> LeasePosition? {
    let parts = text.split(separator: " ")
    guard parts.count == 2, let address = IPAddress(String(parts[0])), let subnet = IPNetwork(String(parts[1])) else {
      return nil
    }
    return LeasePosition(address, subnet)
  }

  private func leases() throws -> [LeaseRecord] {
    try Self.standing(folder).all
  }

  /// What stands, with the changes that the server has not taken yet.
  static func standing(_ folder: DataFolder) throws -> LeaseSet {
    var leases = try JournalLeaseStore.read(folder.leaseJournal)
    let now = SystemClock().wallTime()
    for record in try LeaseWishes(path: folder.leaseWishes).waiting() { _ = leases.claim(LeaseClaim(record), now: now) }
    return leases
  }

  /// Opens the leases for the server: takes over what earlier versions kept in a database, and what the command line wanted meanwhile.
  static func open(
    _ folder: DataFolder, at now: WallTime, meter: Meter? = nil
  ) async throws -> JournalLeaseStore {
    let store = try JournalLeaseStore(path: folder.leaseJournal, meter: meter)
    if FileManager.default.fileExists(atPath: folder.leaseDatabase) {
      let database = try SQLiteStore(path: folder.leaseDatabase)
      _ = try await store.claim(try await SQLiteLeaseStore(database).all().map { LeaseClaim($0) }, now: now)
      try database.close()
      for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: folder.leaseDatabase + end) }
    }
    try await LeaseWishes(path: folder.leaseWishes).take { records in
      _ = try await store.claim(records.map { LeaseClaim($0) }, now: now)
    }
    return store
  }

  /// Leaves changes for the server, those that nothing stands against.
  /// - Returns: What stands against the others.
  private func change(_ wishes: [LeaseRecord]) throws -> [LeaseRecord] {
    var leases = try Self.standing(folder)
    var good: [LeaseRecord] = []
    var against: [LeaseRecord] = []
    for record in wishes {
      switch leases.claim(LeaseClaim(record), now: SystemClock().wallTime()) {
      case .stands: good.append(record)
      case .refused(let standing): against.append(standing)
      }
    }
    if !good.isEmpty { try LeaseWishes(path: folder.leaseWishes).leave(good) }
    try tell()
    return against
  }

  private static func row(_ lease: LeaseRecord, _ now: WallTime) -> Row {
    let state =
      switch lease.state {
      case .bound: lease.expires > now ? "bound" : "expired"
      case .released: "released"
      case .declined: lease.expires > now ? "declined" : "expired"
      }
    return Row(
      address: lease.address.description, hardware: lease.hardwareAddress.isEmpty ? nil : colons(lease.hardwareAddress),
      client: Self.identifier(lease.client), name: lease.hostName,
      state: state, starts: lease.starts.rfc3339,
      expires: lease.expires.seconds == .max ? nil : lease.expires.rfc3339, subnet: lease.subnet.description)
  }

  /// What the client calls itself: option 61, or its DUID.
  private static func identifier(_ client: [UInt8]) -> String? {
    switch client.first {
    case 1: Hexadecimal.text(client.dropFirst())
    case 3: Hexadecimal.text(client.dropFirst(6))
    default: nil
    }
  }

  static func colons(_ bytes: [UInt8]) -> String { bytes.map { Hexadecimal.text([$0]) }.joined(separator: ":") }

  /// What the configuration and the file reserve.
  private func reservations() -> [(address: IPAddress, row: Row)] {
    guard let policy = try? DHCPPolicy.make(configuration, StaticReservation.read(folder.reservationFile)) else {
      return []
    }
    return policy.reservations.compactMap { entry in
      guard let address = entry.address, let subnet = policy.subnets.first(where: { $0.network.contains(address) })
      else {
        return nil
      }
      var row = Row(
        address: address.description, name: entry.hostName, state: "reserved", subnet: subnet.network.description)
      switch entry.identity {
      case .hardwareAddress(let bytes): row.hardware = Self.colons(bytes)
      case .clientIdentifier(let bytes): row.client = Hexadecimal.text(bytes)
      case .circuitID, .hostName: break
      }
      return (address, row)
    }
  }

  // MARK: Changes

  func reserve(_ entries: [StaticReservation]) throws {
    var all = StaticReservation.read(folder.reservationFile)
    for entry in entries {
      guard subnet(of: entry.address) != nil else {
        throw CommandFailure("\(entry.address) lies in no subnet of [dhcp]")
      }
      if let other = configuration.dhcp.reserve.first(where: { $0.value.ip == entry.address }) {
        throw CommandFailure("\(entry.address) is reserved for \(other.key) by the configuration")
      }
      all.removeAll { $0.name == entry.name || $0.address == entry.address || $0.identityText == entry.identityText }
      all.append(entry)
    }
    // The whole of it must still be a policy.
    _ = try DHCPPolicy.make(configuration, all)
    try StaticReservation.write(all, to: folder.reservationFile)
    try tell()
  }

  func unreserve(_ name: String) throws {
    var all = StaticReservation.read(folder.reservationFile)
    let count = all.count
    all.removeAll { $0.name == name || $0.address.description == name }
    guard all.count < count else { throw CommandFailure("nothing is reserved by that name or address: \(name)") }
    try StaticReservation.write(all, to: folder.reservationFile)
    try tell()
  }

  func release(_ address: IPAddress) async throws {
    let now = SystemClock().wallTime()
    guard var lease = try leases().first(where: { $0.address == address && $0.isHeld(at: now) }) else {
      throw CommandFailure("nobody has \(address)")
    }
    (lease.state, lease.starts, lease.expires) = (.released, now.wholeSeconds, now.wholeSeconds)
    guard try change([lease]).isEmpty else { throw CommandFailure("\(address) has just been given to another") }
  }

  /// Leaves word for the running server to have a client renew.
  func askToRenew(_ address: IPAddress) throws {
    let now = SystemClock().wallTime()
    guard try leases().contains(where: { $0.address == address && $0.state == .bound && $0.isHeld(at: now) }) else {
      throw CommandFailure("nobody has \(address)")
    }
    let path = "\(folder.renewals)/\(address)"
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
      throw CommandFailure("can't write \(path)")
    }
    try tell()
  }

  /// The addresses that word was left for; it is gone then.
  static func takeRenewals(_ folder: DataFolder) -> [IPAddress] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.renewals)) ?? []
    return names.compactMap { name in
      try? FileManager.default.removeItem(atPath: "\(folder.renewals)/\(name)")
      return IPAddress(name)
    }
  }

  /// Enters what was read from another server's files.
  func take(
    _ found: LeaseImport, dryRun: Bool
  ) async throws -> (leases: Int, reservations: Int, refused: [String]) {
    var refused = found.unread
    var wishes: [LeaseRecord] = []
    let now = SystemClock().wallTime()
    for entry in found.leases {
      guard let subnet = subnet(of: entry.address) else {
        refused.append("\(entry.address): in no subnet of [dhcp]")
        continue
      }
      guard entry.expires > now else { continue }
      var record = entry
      (record.subnet, record.starts) = (subnet, now.wholeSeconds)
      wishes.append(record)
    }
    let reservations = found.reservations.filter { entry in
      let fits = subnet(of: entry.address) != nil
      if !fits { refused.append("\(entry.address): in no subnet of [dhcp]") }
      return fits && !configuration.dhcp.reserve.values.contains { $0.ip == entry.address }
    }
    if dryRun { return (wishes.count, reservations.count, refused) }
    if !reservations.isEmpty { try reserve(reservations) }
    let against = try change(wishes)
    for standing in against { refused.append("\(standing.address): another client has it") }
    return (wishes.count - against.count, reservations.count, refused)
  }

  private func subnet(of address: IPAddress) -> IPNetwork? {
    configuration.dhcp.subnet.keys.first { $0.contains(address) }
  }

  /// Leaves the mark that a running server looks for.
  private func tell() throws {
    let stamp = SystemClock().wallTime().rfc3339
    guard FileManager.default.createFile(atPath: folder.leaseMark, contents: Data(stamp.utf8)) else {
      throw CommandFailure("can't write \(folder.leaseMark)")
    }
  }
}

extension WallTime {
  /// Without the part of a second, as leases have it.
  fileprivate var wholeSeconds: WallTime { WallTime(seconds: seconds) }
}
