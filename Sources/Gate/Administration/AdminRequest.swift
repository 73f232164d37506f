import Services
import WireKit

/// Every administration operation of the gate, as data: the command line, the console and the pages build one, and
/// `Administration` performs it, in this process or over the socket.
public enum AdminRequest: Sendable, Codable {
  case accountAdd(AccountSpecification, PasswordChoice, force: Bool)
  case accountList(AccountFilter, after: String?, limit: Int)
  case accountShow(String)
  case accountSet(String, AccountChange)
  case accountPassword(String, PasswordChoice, force: Bool)
  case accountRemove(String)
  case keyAdd(String, line: String)
  case keyList(String)
  case keyRemove(String, key: String)
  case appPasswordAdd(
    String, label: String, services: Set<ServiceName>, networks: [IPNetwork], expires: WallTime?)
  case appPasswordList(String)
  case appPasswordRemove(String, label: String)
  /// Makes a password for remote desktops, or takes it away.
  case desktopPassword(String, removes: Bool)
  case totpBegin(String)
  case totpConfirm(String, code: Secret)
  case totpCodes(String)
  case totpRemove(String)
  case penaltyList
  case penaltyClear(IPNetwork?)
  case sessionList(account: String?)
  case sessionEnd(SessionID)
  case auditList(AuditFilter, before: Int64?, limit: Int)
  case auditVerify(AuditHead?)

  /// The most rows of one reply.
  public static let maximumRows = 1000

  /// Whether whoever builds it must still ask for a password: on a terminal without echo, or from standard input.
  public var asksForPassword: Bool {
    switch self {
    case .accountAdd(_, .asked, _), .accountPassword(_, .asked, _): true
    default: false
    }
  }

  /// The same request with the password that was asked for.
  public func answering(_ password: Secret) -> AdminRequest {
    switch self {
    case .accountAdd(let specification, .asked, let force): .accountAdd(specification, .given(password), force: force)
    case .accountPassword(let name, .asked, let force): .accountPassword(name, .given(password), force: force)
    default: self
    }
  }
}

/// Where a password comes from. Never from the command line's own words: others can read those.
public enum PasswordChoice: Sendable, Hashable, Codable {
  case none
  case asked
  case given(Secret)
  /// A hash that another system made, as its files have it.
  case hashed(Secret)
  /// Made by the server and shown once.
  case generated
}
