import Glibc
import Services
import SystemShims

/// Which files an account sees: the one place that knows, for SFTP, SCP, FTP and whatever else shows files to people.
///
/// * With the permission `files:home`, `/` is the account's own folder, made at its first use with mode 0700.
/// * With `files:shared`, the shared folder lies at `/shared`.
/// * `files` is both. A permission may be narrower by one more word (`FileRights.words`): `files:shared:read`.
public struct AccountFiles: Sendable {
  /// The name of the shared folder in everybody's root.
  public static let sharedName = "shared"

  private let shared: String?
  private let home: HomeFolders?

  /// - Parameters:
  ///   - shared: The folder that accounts share; it must exist when it is used.
  ///   - home: The path of an account's own folder with `{account}` in it: `/srv/home/{account}`. What comes before the
  ///     first part with `{account}` must exist.
  public init(shared: String?, home: String?) {
    self.shared = shared
    self.home = home.map(HomeFolders.init)
  }

  /// The folders that a worker must be able to write to.
  public var folders: [String] { ([shared].compactMap { $0 } + [home?.base].compactMap { $0 }).sorted() }

  /// What the account sees, or `nil` when it may see no files at all.
  ///
  /// Blocks while the medium works. Throws when one of the folders can't be opened or made.
  public func store(for identity: AccountIdentity) throws(FileError) -> (any FileStore)? {
    var root: (any FileStore)?
    var mounts: [String: any FileStore] = [:]
    let homeRights = FileRights(identity, below: "files:home")
    if let home, !homeRights.isEmpty { root = Self.restrict(try home.open(identity.name), homeRights) }
    let sharedRights = FileRights(identity, below: "files:shared")
    if let shared, !sharedRights.isEmpty {
      mounts[Self.sharedName] = Self.restrict(try DiskFileStore(root: shared), sharedRights)
    }
    if mounts.isEmpty { return root }
    return JoinedFileStore(root: root, mounts: mounts)
  }

  private static func restrict(_ store: DiskFileStore, _ rights: FileRights) -> any FileStore {
    rights == .all ? store : RestrictedFileStore(store, rights)
  }
}

/// The accounts' own folders: made beneath one directory, and never through a link that somebody put there.
private struct HomeFolders: Sendable {
  /// The folder before the first part that has the placeholder.
  let base: String
  /// What follows, with the placeholder.
  let parts: [String]

  private static let placeholder = "{account}"

  init(_ template: String) {
    let all = template.split(separator: "/").map(String.init)
    // A template without a placeholder is one folder for all: its last part is what is opened.
    let first = all.firstIndex { $0.split(separator: Self.placeholder, omittingEmptySubsequences: false).count > 1 }
    let cut = first ?? max(0, all.count - 1)
    base = "/" + all[..<cut].joined(separator: "/")
    parts = Array(all[cut...])
  }

  func open(_ account: String) throws(FileError) -> DiskFileStore {
    guard !account.isEmpty, account != ".", account != "..", !account.utf8.contains(0x2F), !account.utf8.contains(0)
    else { throw .invalidName }
    let number = Glibc.open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw FileError(errno) }
    var folder = Descriptor(number)
    for part in parts {
      let name = Array(
        part.split(separator: Self.placeholder, omittingEmptySubsequences: false).joined(separator: account).utf8)
      let made = name.withCString { portside_make_directory(folder.number, $0, 0o700) }
      guard made == 0 || made == -EEXIST else { throw FileError(-made) }
      let next = name.withCString {
        portside_open_beneath_no_links(folder.number, $0, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
      }
      guard next >= 0 else { throw FileError(-next) }
      folder = Descriptor(next)
    }
    return DiskFileStore(folder)
  }
}
