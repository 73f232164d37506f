import Files
import NIOPosix
import Services
import Synchronization

/// The files that an account sees, as the configuration has them now.
final class AccountFolders: Sendable {
  private let files = Mutex(AccountFiles(shared: nil, home: nil))

  /// The same folders again keep the counts of their quotas.
  func replace(_ new: AccountFiles) {
    files.withLock { if $0.folders != new.folders { $0 = new } }
  }

  /// `nil` when the account may see none.
  func store(of identity: AccountIdentity) async throws -> (any FileStore)? {
    let files = files.withLock { $0 }
    return try await NIOThreadPool.singleton.runIfActive { try files.store(for: identity) }
  }
}
