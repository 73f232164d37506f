import Foundation

/// Files that are there whole or not at all, whenever the power fails.
enum WholeFile {
  static func write(_ content: Data, to path: String) throws {
    let temporary = "\(path).new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw CommandFailure("\(temporary): \(String(cString: strerror(errno)))") }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try file.write(contentsOf: content)
    try file.synchronize()
    guard rename(temporary, path) == 0 else {
      throw CommandFailure("\(path): \(String(cString: strerror(errno)))")
    }
    // The folder's entry as well.
    let folder = open(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }
}
