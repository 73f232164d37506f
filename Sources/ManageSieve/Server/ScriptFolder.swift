import Foundation
import SieveCore

/// The scripts of accounts, in one folder: `ACCOUNT.sieve` is the one that runs, where the mail server finds it and the
/// command line puts it; `ACCOUNT.scripts/` holds all of them, and an index with their names.
///
/// The file that runs is the truth about itself: what somebody puts there by hand shows as the active script. An index that says
/// that a change is under way is written before that file, and once more behind it, so that no crash loses a script.
public actor ScriptFolder {
  public enum Failure: Error, Sendable, Hashable {
    /// No script, and why.
    case invalid(String)
    case notFound, exists, active, tooMany, tooLarge
    case trouble(String)
  }

  /// Scripts of an account.
  static let maximumScripts = 64

  private struct Index: Codable, Equatable {
    var next = 1
    /// Numbers of files by name.
    var scripts: [String: Int] = [:]
    var active: String?
    /// The file that runs may not be the active script yet.
    var isChanging = false
  }

  private let path: String

  public init(path: String) { self.path = path }

  // MARK: What sessions ask

  public func scripts(of account: String) throws(Failure) -> [(name: String, isActive: Bool)] {
    let index = try index(of: account)
    return index.scripts.keys.sorted().map { ($0, $0 == index.active) }
  }

  public func content(of name: String, _ account: String) throws(Failure) -> [UInt8] {
    let index = try index(of: account)
    guard let number = index.scripts[name], let content = read(script(account, number)) else { throw .notFound }
    return content
  }

  public func checkSpace(for size: Int, as name: String, _ account: String) throws(Failure) {
    guard size <= SieveScript.maximumSize else { throw .tooLarge }
    let index = try index(of: account)
    guard index.scripts[name] != nil || index.scripts.count < Self.maximumScripts else { throw .tooMany }
  }

  public func put(_ content: [UInt8], as name: String, _ account: String) throws(Failure) {
    try checkSpace(for: content.count, as: name, account)
    var index = try index(of: account)
    // Into a file of its own, so that the old one stands until the index names the new one.
    let old = index.scripts[name]
    let number = index.next
    index.next += 1
    try write(content, to: script(account, number))
    index.scripts[name] = number
    try commit(&index, account)
    if let old { unlink(script(account, old)) }
  }

  public func activate(_ name: String?, _ account: String) throws(Failure) {
    var index = try index(of: account)
    if let name, index.scripts[name] == nil { throw .notFound }
    index.active = name
    try commit(&index, account)
  }

  public func delete(_ name: String, _ account: String) throws(Failure) {
    var index = try index(of: account)
    guard let number = index.scripts[name] else { throw .notFound }
    guard index.active != name else { throw .active }
    index.scripts[name] = nil
    try commit(&index, account)
    unlink(script(account, number))
  }

  public func rename(_ name: String, to other: String, _ account: String) throws(Failure) {
    var index = try index(of: account)
    guard let number = index.scripts[name] else { throw .notFound }
    guard index.scripts[other] == nil else { throw .exists }
    index.scripts[name] = nil
    index.scripts[other] = number
    if index.active == name { index.active = other }
    try commit(&index, account)
  }

  // MARK: Files

  private func folder(_ account: String) throws(Failure) -> String {
    // Account names hold no slash; the check is for those who change that one day.
    guard !account.isEmpty, !account.contains("/"), !account.hasPrefix(".") else { throw .trouble("no account's name") }
    return "\(path)/\(account).scripts"
  }

  private func script(_ account: String, _ number: Int) -> String { "\(path)/\(account).scripts/\(number).sieve" }
  private func running(_ account: String) -> String { "\(path)/\(account).sieve" }

  /// The index as it is, after what was begun is finished and what was put there by hand is taken in.
  private func index(of account: String) throws(Failure) -> Index {
    let folder = try folder(account)
    if mkdir(folder, 0o700) != 0, errno != EEXIST { throw .trouble("can't make \(folder)") }
    var index = Index()
    if let content = read("\(folder)/index.json") {
      guard let known = try? JSONDecoder().decode(Index.self, from: Data(content)) else {
        throw .trouble("\(folder)/index.json can't be understood")
      }
      index = known
    }
    if index.isChanging {
      try commit(&index, account)
      return index
    }
    let active = index.active.flatMap { index.scripts[$0] }.flatMap { read(script(account, $0)) }
    let runs = read(running(account))
    guard runs != active else { return index }
    if let runs {
      let name = index.active ?? (index.scripts["filter"] == nil ? "filter" : "filter \(index.next)")
      try write(runs, to: script(account, index.next))
      index.scripts[name] = index.next
      index.active = name
      index.next += 1
    } else {
      index.active = nil
    }
    try save(index, account)
    return index
  }

  /// Puts an index into force: first what is meant, then the script that runs, then that it is done.
  private func commit(_ index: inout Index, _ account: String) throws(Failure) {
    index.isChanging = true
    try save(index, account)
    if let number = index.active.flatMap({ index.scripts[$0] }), let content = read(script(account, number)) {
      if read(running(account)) != content { try write(content, to: running(account)) }
    } else {
      index.active = nil
      if unlink(running(account)) != 0, errno != ENOENT { throw .trouble("can't remove \(running(account))") }
    }
    index.isChanging = false
    try save(index, account)
  }

  private func save(_ index: Index, _ account: String) throws(Failure) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    guard let content = try? encoder.encode(index) else { throw .trouble("the index can't be written") }
    try write([UInt8](content), to: "\(try folder(account))/index.json")
  }

  /// What a file holds; `nil` when there is none. Links are not followed.
  private func read(_ file: String) -> [UInt8]? {
    let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < 1 << 20 {
      let count = Foundation.read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    return bytes
  }

  /// All of it or nothing, and on the disk before anybody is told.
  private func write(_ content: [UInt8], to file: String) throws(Failure) {
    let part = file + ".part"
    unlink(part)
    let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .trouble("can't make \(part)") }
    defer { close(descriptor) }
    let written = content.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    guard written == content.count, fsync(descriptor) == 0, Foundation.rename(part, file) == 0 else {
      unlink(part)
      throw .trouble("can't write \(file)")
    }
  }
}
