/// A path inside a file store: the names from its root, as bytes, for names need not be UTF-8.
///
/// It never leads above the root: `..` takes back a name, as far as there is one. What symbolic links do is the store's
/// matter, which does not trust this type but the kernel (`security.md`, escape from a home).
public struct FilePath: Hashable, Sendable, CustomStringConvertible {
  /// Bytes of one name (NAME_MAX), and of a whole path (PATH_MAX).
  public static let maximumName = 255
  public static let maximumBytes = 4_095

  /// Neither empty names, nor `.`, nor `..`; none with `/` or NUL.
  public private(set) var names: [[UInt8]]

  /// The root.
  public init() { names = [] }

  /// A path as clients write it, from `base` on unless it is absolute. `nil` when a name is too long or has a NUL byte.
  public init?(_ bytes: some Collection<UInt8>, from base: FilePath = FilePath()) {
    guard bytes.count <= Self.maximumBytes, !bytes.contains(0) else { return nil }
    names = bytes.first == 0x2F ? [] : base.names
    for name in bytes.split(separator: 0x2F) {
      if name.elementsEqual([0x2E]) { continue }
      if name.elementsEqual([0x2E, 0x2E]) {
        _ = names.popLast()
        continue
      }
      guard name.count <= Self.maximumName else { return nil }
      names.append(Array(name))
    }
    guard names.reduce(0, { $0 + $1.count + 1 }) <= Self.maximumBytes else { return nil }
  }

  public var isRoot: Bool { names.isEmpty }
  /// The last name; `nil` for the root.
  public var name: [UInt8]? { names.last }
  /// The path without its last name; the root's is the root.
  public var parent: FilePath {
    var path = self
    _ = path.names.popLast()
    return path
  }

  /// This path and one more name, which must come from a listing of it.
  public func appending(_ name: [UInt8]) -> FilePath? { FilePath(name, from: self) }

  /// The bytes with a leading `/`.
  public var bytes: [UInt8] { names.isEmpty ? [0x2F] : Array(names.map { [0x2F] + $0 }.joined()) }

  /// For logs: what is not UTF-8 stands as replacement characters.
  public var description: String { String(decoding: bytes, as: UTF8.self) }
}
