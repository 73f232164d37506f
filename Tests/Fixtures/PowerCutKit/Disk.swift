import Foundation

/// Files as a crash leaves them.
public struct Disk {
  private final class File {
    var bytes: [UInt8] = []
    var durable: [UInt8] = []

    init() {}
    init(_ other: File) { (bytes, durable) = (other.bytes, other.durable) }
  }

  private var files: [String: File] = [:]
  private var folders: [String] = []
  private var open: [Int: (path: String, file: File)] = [:]

  private let isOfNoAccount: (String) -> Bool

  /// - Parameter isOfNoAccount: Files that can be made again, and so are left out.
  public init(leavingOut isOfNoAccount: @escaping (String) -> Bool = { _ in false }) {
    self.isOfNoAccount = isOfNoAccount
  }

  /// Whether a call changes a file that counts: not shared memory, nor what can be made again.
  public func matters(_ call: RecordedCall) -> Bool {
    func counts(_ path: String?) -> Bool {
      path.map { !$0.hasSuffix("-shm") && !isOfNoAccount($0) } ?? false
    }
    return switch call {
    case .write(let descriptor, _, _), .truncate(let descriptor, _), .synchronise(let descriptor):
      counts(open[descriptor]?.path)
    case .rename, .remove: true
    default: false
    }
  }

  /// Names are durable at once: ours are synchronised before anything refers to them, which the order of calls shows, and a
  /// name that is there without its bytes is the harder case.
  public mutating func apply(_ call: RecordedCall) {
    switch call {
    case .open(let path, let descriptor, let isNew):
      guard isNew || files[path] != nil else { return }
      let file = files[path] ?? File()
      files[path] = file
      open[descriptor] = (path, file)
    case .close(let descriptor): open[descriptor] = nil
    case .write(let descriptor, let offset, let bytes):
      guard let file = open[descriptor]?.file else { return }
      if file.bytes.count < offset + bytes.count {
        file.bytes += [UInt8](repeating: 0, count: offset + bytes.count - file.bytes.count)
      }
      file.bytes.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    case .truncate(let descriptor, let size):
      guard let file = open[descriptor]?.file else { return }
      file.bytes = Array(file.bytes.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - file.bytes.count))
    case .synchronise(let descriptor):
      if let file = open[descriptor]?.file { file.durable = file.bytes }
    case .rename(let from, let to):
      files[to] = files[from]
      files[from] = nil
    case .remove(let path): files[path] = nil
    case .makeDirectory(let path): folders.append(path)
    case .acknowledge: break
    }
  }

  /// The same with a call done by half: as many of its bytes as fill whole sectors up to its middle.
  public func half(_ call: RecordedCall) -> Disk? {
    guard case .write(let descriptor, let offset, let bytes) = call, bytes.count > 1 else { return nil }
    let middle = (offset + bytes.count / 2) / 512 * 512 - offset
    guard middle > 0 else { return nil }
    var other = copy()
    other.apply(.write(descriptor, offset: offset, bytes: Array(bytes.prefix(middle))))
    return other
  }

  private func copy() -> Disk {
    var other = Disk(leavingOut: isOfNoAccount)
    other.folders = folders
    var twins: [ObjectIdentifier: File] = [:]
    func twin(_ file: File) -> File {
      let found = twins[ObjectIdentifier(file)] ?? File(file)
      twins[ObjectIdentifier(file)] = found
      return found
    }
    other.files = files.mapValues(twin)
    other.open = open.mapValues { ($0.path, twin($0.file)) }
    return other
  }

  /// Makes the files below a folder.
  public func write(to root: String, onlySynchronised: Bool) throws {
    for folder in folders {
      try FileManager.default.createDirectory(atPath: root + folder, withIntermediateDirectories: true)
    }
    // The wal-index is shared memory, and no file that matters.
    for (path, file) in files where !path.hasSuffix("-shm") && !isOfNoAccount(path) {
      try Data(onlySynchronised ? file.durable : file.bytes).write(to: URL(fileURLWithPath: root + path))
    }
  }
}
