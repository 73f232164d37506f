import ACMECore
import FoundationEssentials
import Synchronization

/// The accounts and orders of an authority, over a store: one change at a time.
final class OrderBook: Sendable {
  private let store: any ACMEStore
  private let configuration: ACMEServerConfiguration
  private let lock = Mutex(())

  init(_ store: any ACMEStore, _ configuration: ACMEServerConfiguration) {
    self.store = store
    self.configuration = configuration
  }

  private static let accounts = "account"
  private static let orders = "order"

  /// Whether a text from a URL can be an id: ours are base64url.
  private static func isID(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
          || $0 == 0x5F
      }
  }

  private func load<Record: Decodable>(_ kind: String, _ id: String) -> Record? {
    guard Self.isID(id), let bytes = store.load(kind, id) else { return nil }
    return try? JSONDecoder().decode(Record.self, from: Data(bytes))
  }

  private func save(_ record: some Encodable, _ kind: String, _ id: String) throws {
    try store.save(Array(try JSONEncoder().encode(record)), as: kind, id)
  }

  // MARK: Accounts: the id is the key's thumbprint, so that each key has one account

  func account(_ id: String) -> AccountRecord? { load(Self.accounts, id) }
  func account(of key: JSONWebKey) -> AccountRecord? { account(key.thumbprint) }
  func save(_ account: AccountRecord) throws { try lock.withLock { _ in try save(account, Self.accounts, account.id) } }

  func makeAccount(_ key: JSONWebKey, contacts: [String], now: Int64) throws -> AccountRecord {
    try lock.withLock { _ in
      if let present = account(of: key) { return present }
      guard store.all(Self.accounts).count < configuration.maximumAccounts else {
        throw ACMEProblem("rateLimited", "this authority takes no more accounts", status: 429)
      }
      let account = AccountRecord(
        id: key.thumbprint, key: String(decoding: key.value.bytes, as: UTF8.self), contacts: contacts, status: "valid",
        created: now)
      try save(account, Self.accounts, account.id)
      return account
    }
  }

  // MARK: Orders

  func order(_ id: String) -> OrderRecord? { load(Self.orders, id) }

  func makeOrder(_ account: AccountRecord, names: [String], now: Int64) throws -> OrderRecord {
    try lock.withLock { (_: inout Void) throws -> OrderRecord in
      try self.makeOrderLocked(account, names, now)
    }
  }

  private func makeOrderLocked(_ known: AccountRecord, _ names: [String], _ now: Int64) throws -> OrderRecord {
    guard var account = account(known.id) else { throw ACMEProblem("accountDoesNotExist", "it is gone") }
    prune(&account, now)
    let pending = account.orders.filter { id in
      guard let order = self.order(id) else { return false }
      let status = order.status(at: now)
      return status == "pending" || status == "ready"
    }
    guard pending.count < configuration.maximumPendingOrders else {
      throw ACMEProblem("rateLimited", "too many orders of this account wait", status: 429)
    }
    let authorizations: [OrderRecord.Authorization] = names.map { name in
      OrderRecord.Authorization(
        id: Self.random(6), name: name, status: "pending", token: Self.random(24), validated: nil, problem: nil)
    }
    let order = OrderRecord(
      id: Self.random(12), account: account.id, names: names, created: now,
      expires: now + configuration.orderLifetime, authorizations: authorizations, certificate: nil, problem: nil)
    try save(order, Self.orders, order.id)
    account.orders.append(order.id)
    try save(account, Self.accounts, account.id)
    return order
  }

  /// Finished orders are kept while a client may come back for its certificate.
  private func prune(_ account: inout AccountRecord, _ now: Int64) {
    let kept = account.orders.filter { id in
      guard let order = self.order(id) else { return false }
      return now - order.created < 7 * 86_400
    }
    for id in account.orders where !kept.contains(id) { store.remove(Self.orders, id) }
    account.orders = Array(kept.suffix(500))
  }

  @discardableResult
  func change(_ id: String, _ body: (inout OrderRecord) throws -> Void) throws -> OrderRecord {
    try lock.withLock { _ in
      guard var order = self.order(id) else { throw ACMEProblem("malformed", "there is no such order", status: 404) }
      let before = order
      try body(&order)
      if order != before { try save(order, Self.orders, id) }
      return order
    }
  }

  private static func random(_ count: Int) -> String {
    Base64URL.encode((0..<count).map { _ in UInt8.random(in: .min ... .max) })
  }
}
