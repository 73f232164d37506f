import Services
import SystemSessions

extension AccountDirectory {
  /// What an account may have sessions of the operating system by; `nil` when it may have none.
  ///
  /// The system's account has the same name without the domain, so only accounts of the server's own domain have one: `ann` of
  /// another domain is somebody else.
  func sessionTicket(for name: String, now: WallTime) async -> SessionTicket? {
    let account: Account
    do throws(DirectoryError) { account = try await self.account(name) } catch { return nil }
    guard !account.isDisabled, account.expires.map({ $0 > now }) ?? true else { return nil }
    let identity = AccountIdentity(
      name: account.name, roles: account.roles, permissions: roles.permissions(of: account.roles))
    let parts = account.name.split(separator: "@", maxSplits: 1).map(String.init)
    guard identity.permits("shell"), parts.count == 2, parts[1] == defaultDomain else { return nil }
    return SessionTicket(account: account.name, user: parts[0], now: now)
  }
}
