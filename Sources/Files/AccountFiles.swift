import Glibc
import Services
import Synchronization
import SystemShims

/// Which files an account sees: the one place that knows, for SFTP, SCP, FTP and whatever else shows files to people.
///
/// * With the permission `files:home`, `/` is the account's own folder, made at its first use with mode 0700.
/// * With `files:shared`, the shared folder lies at `/shared`.
/// * With `files:versions`, which no wider permission stands for, what its uploads replace stays at `/versions`.
/// * `files` is both folders. A permission may be narrower by one more word (`FileRights.words`): `files:shared:read`.
public struct AccountFiles: Sendable {
  /// The name of the shared folder in everybody's root.
  public static let sharedName = "shared"

  private let shared: String?
  private let home: HomeFolders?
  /// What each home holds, by account: shared by all sessions, so that two of them can't exceed a quota together.
  private let usages: FileUsages

  /// - Parameters:
  ///   - shared: The folder that accounts share; it must exist when it is used.
  ///   - home: The path of an account's own folder with `{account}` in it: `/srv/home/{account}`. What comes before the
  ///     first part with `{account}` must exist.
  ///   - counts: The folder for the counts of what homes hold, which several processes share; `nil` counts in this process
  ///     alone.
  public init(shared: String?, home: String?, counts: String? = nil) {
    self.shared = shared
    usages = FileUsages(folder: counts)
    self.home = home.map(HomeFolders.init)
  }

  /// The folders that a worker must be able to write to.
  public var folders: [String] { [shared, home?.base, usages.folder].compactMap { $0 }.sorted() }

  /// What the account sees, or `nil` when it may see no files at all. Its home holds no more than its quota.
  ///
  /// Blocks while the medium works. Throws when one of the folders can't be opened or made.
  public func store(for identity: AccountIdentity) throws(FileError) -> (any FileStore)? {
    var root: (any FileStore)?
    var mounts: [String: any FileStore] = [:]
    let homeRights = FileRights(identity, below: "files:home")
    if let home, !homeRights.isEmpty {
      var store: any FileStore = try home.open(identity.name)
      if let quotaBytes = identity.quotaBytes {
        store = QuotaFileStore(store, limit: quotaBytes, usage: try usages.of(identity.name))
      }
      if identity.permissions.contains("files:versions") { store = VersioningFileStore(store) }
      root = Self.restrict(store, homeRights)
    }
    let sharedRights = FileRights(identity, below: "files:shared")
    if let shared, !sharedRights.isEmpty {
      mounts[Self.sharedName] = Self.restrict(try DiskFileStore(root: shared), sharedRights)
    }
    if mounts.isEmpty { return root }
    return JoinedFileStore(root: root, mounts: mounts)
  }

  private static func restrict(_ store: any FileStore, _ rights: FileRights) -> any FileStore {
    rights == .all ? store : RestrictedFileStore(store, rights)
  }
}

/// The counts of all homes that have a quota.
private final class FileUsages: Sendable {
  private let all = Mutex<[String: FileUsage]>([:])
  let folder: String?

  init(folder: String?) { self.folder = folder }

  func of(_ account: String) throws(FileError) -> FileUsage {
    try all.withLock { all throws(FileError) in
      if let usage = all[account] { return usage }
      let usage: FileUsage = if let folder { try FileUsage(file: "\(folder)/\(account)") } else { FileUsage() }
      all[account] = usage
      return usage
    }
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
