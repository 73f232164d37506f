import Files
import NIOPosix
import Services
import Synchronization

/// The files that an account sees, as the configuration has them now, with the account's quota.
final class AccountFolders: Sendable {
  private let accounts: any Accounts
  private let files = Mutex(AccountFiles(shared: nil, home: nil))

  init(_ accounts: any Accounts) { self.accounts = accounts }

  /// The same folders again keep the counts of their quotas.
  func replace(_ new: AccountFiles) {
    files.withLock { if $0.folders != new.folders { $0 = new } }
  }

  /// `nil` when the account may see none.
  func store(of identity: AccountIdentity) async throws -> (any FileStore)? {
    let files = files.withLock { $0 }
    let quota = try await accounts.owner(ofAddress: identity.name)?.quotaBytes
    return try await NIOThreadPool.singleton.runIfActive { try files.store(for: identity, quotaBytes: quota) }
  }
}
