import Datagrams
import Glibc
import Services
import SystemShims
import TFTPCore

/// The versions that devices have written: `DEVICE/FILE/2026-11-23T07:58:08.123Z`.
struct VersionStore: Sendable {
  let policy: WritePolicy
  /// What stands before `{device}`.
  private let base: Descriptor
  /// What stands around `{device}` in its own path component and behind it.
  private let relative: String

  init(_ policy: WritePolicy) throws(SystemError) {
    self.policy = policy
    guard let mark = policy.template.firstRange(of: "{device}") else {
      base = try Descriptor.directory(policy.template)
      relative = ""
      return
    }
    let slash = policy.template[..<mark.lowerBound].lastIndex(of: "/") ?? policy.template.startIndex
    let head = String(policy.template[...slash])
    base = try Descriptor.directory(head)
    relative = String(policy.template[policy.template.index(after: slash)...])
  }

  /// Starts a version.
  /// - Parameter announced: The size that the client told; `nil` for none.
  func open(
    _ request: Request, device: String, announced: UInt64?, now: WallTime
  ) throws(TransferFailure) -> NewVersion {
    let path = try FileName.path(request.fileName)
    var directory = base
    if !relative.isEmpty {
      for part in relative.replacing("{device}", with: FileName.component(device)).split(separator: "/") {
        directory = try Self.enter(String(part), beneath: directory)
      }
    }
    let used = try Self.usage(directory)
    guard used.versions < policy.maximumVersionsPerDevice, used.bytes < policy.quotaPerDevice else {
      throw TransferFailure(.diskFull, "the quota of this device is used up")
    }
    let limit = min(policy.maximumFileSize, policy.quotaPerDevice - used.bytes)
    if let announced, announced > limit { throw TransferFailure(.diskFull, "larger than the quota allows") }
    let folder = try Self.enter(FileName.component(path.replacing("/", with: "_")), beneath: directory)
    return try NewVersion(in: folder, name: now.rfc3339, limit: limit, mode: request.mode)
  }

  private static func enter(_ name: String, beneath parent: Descriptor) throws(TransferFailure) -> Descriptor {
    if mkdirat(parent.number, name, 0o750) != 0, errno != EEXIST { throw TransferFailure(.accessViolation) }
    let number = portside_open_beneath_no_links(parent.number, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard number >= 0 else { throw TransferFailure(.accessViolation) }
    return Descriptor(number)
  }

  /// What a device has: every file in every folder of its own.
  private static func usage(_ directory: Descriptor) throws(TransferFailure) -> (bytes: UInt64, versions: Int) {
    var total: (bytes: UInt64, versions: Int) = (0, 0)
    for folder in try entries(directory) {
      let number = portside_open_beneath_no_links(directory.number, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
      guard number >= 0 else { continue }
      let folder = Descriptor(number)
      for name in try entries(folder) {
        var status = stat()
        guard fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
        total.bytes += UInt64(clamping: status.st_size)
        total.versions += 1
      }
    }
    return total
  }

  private static func entries(_ directory: Descriptor) throws(TransferFailure) -> [String] {
    // A descriptor of its own: reading moves its offset, and `closedir` closes it.
    let number = portside_open_beneath_no_links(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
    guard number >= 0, let stream = fdopendir(number) else { throw TransferFailure(.accessViolation) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
