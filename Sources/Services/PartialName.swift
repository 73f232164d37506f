/// The names of uploads that are not complete: hidden beside their goal, so that the last step is a rename within a folder.
public enum PartialName {
  private static let suffix = Array(".portside-part".utf8)

  /// `.NAME.portside-part`; `nil` for the root, and where that would be too long.
  public static func of(_ path: FilePath) -> FilePath? {
    guard let name = path.name, name.count + suffix.count + 1 <= FilePath.maximumName else { return nil }
    return path.parent.appending([0x2E] + name + suffix)
  }

  public static func isOne(_ name: [UInt8]) -> Bool {
    name.first == 0x2E && name.reversed().starts(with: suffix.reversed())
  }

  /// Whether the last step will be permitted there: asked by names that don't exist, so that nothing happens. Blocks while the
  /// medium works.
  public static func mayComplete(_ files: any FileStore, _ path: FilePath) -> Bool {
    guard let nothing = path.parent.appending(Array(".portside-nothing".utf8)) else { return false }
    do throws(FileError) { try files.removeFile(nothing) } catch {
      guard error == .notFound else { return false }
    }
    do throws(FileError) { try files.rename(nothing, to: nothing, replacing: true) } catch {
      return error == .notFound
    }
    return true
  }

  /// The last step: the file takes its name, in place of one that has it, and the name is on the disk when this returns.
  ///
  /// - Parameter replacing: Whether another file of this name gives way; it leaves its permissions.
  public static func complete(
    _ partial: FilePath, _ file: any OpenedFile, to path: FilePath, in files: any FileStore, replacing: Bool
  ) throws(FileError) {
    if replacing, let old = try? files.attributes(of: path, followingLinks: true) {
      try? file.setAttributes(FileAttributeChanges(permissions: old.permissions & 0o1777))
    }
    try files.rename(partial, to: path, replacing: replacing)
    // Who may only throw things in can't open the folder; the medium writes its names in its own time then.
    do throws(FileError) { try files.synchroniseDirectory(path.parent) } catch {
      if error != .permissionDenied { throw error }
    }
  }
}
