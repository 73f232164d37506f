import ACMECore

/// An account at our authority (RFC 8555 §7.1.2).
struct AccountRecord: Codable, Sendable, Hashable {
  var id: String
  /// The public key, as JSON.
  var key: String
  var contacts: [String]
  /// `valid`, `deactivated`
  var status: String
  var created: Int64
  /// Orders, the newest last.
  var orders: [String] = []

  var publicKey: JSONWebKey? { JSONValue(Array(key.utf8)).flatMap { JSONWebKey($0) } }
}

/// An order with its authorizations (RFC 8555 §7.1.3, §7.1.4).
struct OrderRecord: Codable, Sendable, Hashable {
  struct Authorization: Codable, Sendable, Hashable {
    var id: String
    var name: String
    /// `pending`, `processing`, `valid`, `invalid`, `deactivated`
    var status: String
    var token: String
    var validated: Int64?
    /// Type and words of what went wrong.
    var problem: [String]?
  }

  var id: String
  var account: String
  var names: [String]
  var created: Int64
  var expires: Int64
  var authorizations: [Authorization]
  /// The chain as PEM, once it is issued.
  var certificate: String?
  /// Why it could not be issued.
  var problem: [String]?

  /// As it follows from its parts (§7.1.6).
  func status(at now: Int64) -> String {
    if certificate != nil { return "valid" }
    if problem != nil || now >= expires { return "invalid" }
    if authorizations.contains(where: { $0.status == "invalid" || $0.status == "deactivated" }) { return "invalid" }
    return authorizations.allSatisfy { $0.status == "valid" } ? "ready" : "pending"
  }
}

/// Where accounts and orders are kept. Calls may block; what `save` was given survives a power cut.
public protocol ACMEStore: Sendable {
  /// A record's bytes; `nil` when there is none.
  func load(_ kind: String, _ id: String) -> [UInt8]?
  func save(_ bytes: [UInt8], as kind: String, _ id: String) throws
  func remove(_ kind: String, _ id: String)
  /// The ids of all records of a kind.
  func all(_ kind: String) -> [String]
}
