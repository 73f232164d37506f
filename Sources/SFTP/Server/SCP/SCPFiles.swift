import Services

/// The files that an SCP session works on.
package struct SCPFiles: Sendable {
  let store: any FileStore
  let home: FilePath
  let report: @Sendable (SFTPEvent) -> Void

  package init(store: any FileStore, home: FilePath, report: @escaping @Sendable (SFTPEvent) -> Void) {
    self.store = store
    self.home = home
    self.report = report
  }

  /// A path as a shell would understand it: from the home on, and `~` is the home.
  func path(_ bytes: [UInt8]) throws(FileError) -> FilePath {
    var bytes = bytes
    if bytes.first == 0x7E, bytes.count == 1 || bytes[1] == 0x2F { bytes = [0x2E] + bytes.dropFirst() }
    guard let path = FilePath(bytes, from: home) else { throw .invalidName }
    return path
  }

  func isDirectory(_ path: FilePath) -> Bool {
    (try? store.attributes(of: path, followingLinks: true))?.kind == .directory
  }

  /// `*` and `?` in the last name, which clients leave to the shell. What matches nothing stands for itself.
  func expand(_ bytes: [UInt8]) throws(FileError) -> [FilePath] {
    let path = try path(bytes)
    guard let pattern = path.name, pattern.contains(where: { $0 == 0x2A || $0 == 0x3F }),
      let directory = try? store.openDirectory(path.parent)
    else { return [path] }
    var found: [[UInt8]] = []
    while let entries = try? directory.next(256), !entries.isEmpty, found.count < 100_000 {
      found += entries.map(\.name).filter { $0.first != 0x2E && Self.matches($0[...], pattern[...]) }
    }
    let paths = found.sorted { $0.lexicographicallyPrecedes($1) }.compactMap { path.parent.appending($0) }
    return paths.isEmpty ? [path] : paths
  }

  /// Whether a name fits a pattern. Backtracks to the last `*` alone, so it takes no more than the product of the lengths.
  static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
    var (name, pattern) = (name, pattern)
    var retry: (name: ArraySlice<UInt8>, pattern: ArraySlice<UInt8>)?
    while true {
      if let first = pattern.first, first == 0x2A {
        pattern = pattern.dropFirst()
        retry = (name, pattern)
      } else if let byte = name.first, let first = pattern.first, first == 0x3F || first == byte {
        (name, pattern) = (name.dropFirst(), pattern.dropFirst())
      } else if name.isEmpty, pattern.isEmpty {
        return true
      } else if let last = retry, !last.name.isEmpty {
        retry = (last.name.dropFirst(), last.pattern)
        (name, pattern) = (last.name.dropFirst(), last.pattern)
      } else {
        return false
      }
    }
  }

  /// A line of warning (1) or of an end (2), as the other side prints it.
  static func complaint(_ severity: UInt8, _ path: [UInt8], _ text: StaticString) -> [UInt8] {
    let shown = path.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }
    return [severity] + Array("scp: ".utf8) + shown + Array(": \(text)\n".utf8)
  }
}
