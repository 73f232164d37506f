import Glibc

/// Small files and links of the kernel's own file systems, read whole.
enum TextFile {
  /// The bytes of a file, at most `limit`; `nil` when it can't be read.
  static func bytes(_ path: String, limit: Int = 16 << 20) -> [UInt8]? {
    let number = open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    let file = Descriptor(number)
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65536)
    while bytes.count < limit {
      let count = read(file.number, &part, part.count)
      if count < 0 { return nil }
      if count == 0 { break }
      bytes += part.prefix(count)
    }
    return bytes
  }

  /// Where a symbolic link points.
  static func link(_ path: String) -> String? {
    var room = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &room, room.count)
    return count < 0 ? nil : String(decoding: room.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The names in a folder.
  static func names(in path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: UInt8.self, capacity: 256) { names.append(String(cString: $0)) }
      }
    }
    return names
  }
}
