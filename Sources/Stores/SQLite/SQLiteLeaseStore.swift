import GRDB
import Services
import WireKit

/// Leases in SQLite. A group of claims is one transaction with one sync.
public struct SQLiteLeaseStore: LeaseStore {
  private let store: SQLiteStore

  public init(_ store: SQLiteStore) { self.store = store }

  public func all() async throws(StoreError) -> [LeaseRecord] {
    try await store.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM lease ORDER BY subnet, address").map(Self.record)
    }
  }

  public func page(
    after: LeasePosition?, limit: Int, heldAt: WallTime?
  ) async throws(StoreError) -> [LeaseRecord] {
    var conditions: [String] = []
    var arguments: [(any DatabaseValueConvertible)?] = []
    if let after {
      conditions.append("(\(Self.order), address, subnet) > (?, ?, ?)")
      arguments += [after.number, after.address.description, after.subnet.description]
    }
    if let heldAt {
      conditions.append("state <> 2 AND expires > ?")
      arguments.append(heldAt.seconds)
    }
    arguments.append(limit)
    let filter = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
    let sql = "SELECT * FROM lease \(filter) ORDER BY \(Self.order), address, subnet LIMIT ?"
    let values = StatementArguments(arguments)
    return try await store.read { database in
      try Row.fetchAll(database, sql: sql, arguments: values).map(Self.record)
    }
  }

  public func claim(_ claims: [LeaseClaim], now: WallTime) async throws(StoreError) -> [LeaseRecord?] {
    if claims.isEmpty { return [] }
    return try await store.write { database in
      let makeWay = try database.cachedStatement(sql: Self.makeWay)
      let claim = try database.cachedStatement(sql: Self.claim)
      return try claims.map { wish in
        let record = wish.record
        let (subnet, address) = (record.subnet.description, record.address.description)
        let client = DatabaseBytes(record.client)
        let replaces = DatabaseBytes(wish.replaces ?? record.client)
        try makeWay.execute(arguments: [
          "subnet": subnet, "address": address, "client": client, "replaces": replaces, "now": now.seconds,
        ])
        try claim.execute(arguments: [
          "subnet": subnet, "address": address, "client": client, "replaces": replaces, "now": now.seconds,
          "state": record.state.rawValue, "starts": record.starts.seconds, "expires": record.expires.seconds,
          "type": Int(record.hardwareType), "hardware": DatabaseBytes(record.hardwareAddress), "name": record.hostName,
          "place": DatabaseBytes(record.place),
        ])
        if database.changesCount == 1 { return nil }
        let row = try Row.fetchOne(
          database, sql: "SELECT * FROM lease WHERE subnet = ? AND address = ?", arguments: [subnet, address])
        guard let row else { throw StoreError(.corrupt, "a lease is refused, but nothing stands against it") }
        return try Self.record(row)
      }
    }
  }

  public func remove(subnet: IPNetwork, address: IPAddress) async throws(StoreError) {
    try await store.write { database in
      try database.execute(
        sql: "DELETE FROM lease WHERE subnet = ? AND address = ?", arguments: [subnet.description, address.description])
    }
  }

  /// The number of an IPv4 address; one behind all of them for IPv6. As in the index `lease_order`, or it is not used.
  private static let order = """
    CASE WHEN instr(address, ':') THEN 4294967296 ELSE
      (CAST(address AS INTEGER) << 24) + (CAST(substr(address, instr(address, '.') + 1) AS INTEGER) << 16)
      + (CAST(replace(rtrim(rtrim(address, '0123456789'), '.'),
          rtrim(rtrim(rtrim(address, '0123456789'), '.'), '0123456789'), '') AS INTEGER) << 8)
      + CAST(replace(address, rtrim(address, '0123456789'), '') AS INTEGER) END
    """

  /// The client's other record goes, but only if its claim will hold.
  private static let makeWay = """
    DELETE FROM lease WHERE subnet = :subnet AND client = :client AND address <> :address AND NOT EXISTS (
      SELECT 1 FROM lease AS other WHERE other.subnet = :subnet AND other.address = :address
        AND other.client NOT IN (:client, :replaces) AND other.expires > :now AND other.state <> 2)
    """

  private static let claim = """
    INSERT INTO lease (subnet, address, client, state, starts, expires, hardware_type, hardware_address, host_name, place)
    SELECT :subnet, :address, :client, :state, :starts, :expires, :type, :hardware, :name, :place
    WHERE NOT EXISTS (
      SELECT 1 FROM lease AS other WHERE other.subnet = :subnet AND other.address = :address
        AND other.client NOT IN (:client, :replaces) AND other.expires > :now AND other.state <> 2)
    ON CONFLICT (subnet, address) DO UPDATE SET client = excluded.client, state = excluded.state, starts = excluded.starts,
      expires = excluded.expires, hardware_type = excluded.hardware_type, hardware_address = excluded.hardware_address,
      host_name = excluded.host_name, place = excluded.place
    """

  private static func record(_ row: Row) throws -> LeaseRecord {
    let subnet: String = try row.value("subnet")
    let address: String = try row.value("address")
    let state: Int = try row.value("state")
    let type: Int = try row.value("hardware_type")
    guard let network = IPNetwork(subnet), let ip = IPAddress(address), let state = LeaseRecord.State(rawValue: state),
      let starts = try row.time("starts"), let expires = try row.time("expires"), let type = UInt8(exactly: type)
    else { throw StoreError(.corrupt, "a lease makes no sense") }
    let client: DatabaseBytes = try row.value("client")
    let hardware: DatabaseBytes = try row.value("hardware_address")
    let place: DatabaseBytes = try row.value("place")
    return LeaseRecord(
      subnet: network, address: ip, client: client.bytes, state: state, starts: starts, expires: expires,
      hardwareType: type, hardwareAddress: hardware.bytes, hostName: try row.optional("host_name"), place: place.bytes)
  }
}
