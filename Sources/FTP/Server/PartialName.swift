import Services

/// The names of uploads that are not complete: hidden beside their goal, so that the last step is a rename within a folder.
enum PartialName {
  private static let suffix = Array(".portside-part".utf8)

  /// `.NAME.portside-part`; `nil` for the root, and where that would be too long.
  static func of(_ path: FilePath) -> FilePath? {
    guard let name = path.name, name.count + suffix.count + 1 <= FilePath.maximumName else { return nil }
    return path.parent.appending([0x2E] + name + suffix)
  }

  static func isOne(_ name: [UInt8]) -> Bool { name.first == 0x2E && name.reversed().starts(with: suffix.reversed()) }
}
