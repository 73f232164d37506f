import WireKit

/// ATTRS of version 3 (draft-ietf-secsh-filexfer-02 §5): what is absent is not known, or shall stay as it is.
public struct SFTPAttributes: Sendable, Hashable {
  /// Bytes.
  public var size: UInt64?
  public var owner: Owner?
  /// The mode as POSIX has it, the file type included.
  public var permissions: UInt32?
  public var times: Times?

  public struct Owner: Sendable, Hashable {
    public var user: UInt32
    public var group: UInt32
    public init(user: UInt32, group: UInt32) {
      self.user = user
      self.group = group
    }
  }

  /// Seconds since 1970, modulo 2^32.
  public struct Times: Sendable, Hashable {
    public var accessed: UInt32
    public var modified: UInt32
    public init(accessed: UInt32, modified: UInt32) {
      self.accessed = accessed
      self.modified = modified
    }
  }

  public init(size: UInt64? = nil, owner: Owner? = nil, permissions: UInt32? = nil, times: Times? = nil) {
    self.size = size
    self.owner = owner
    self.permissions = permissions
    self.times = times
  }

  private static let hasSize: UInt32 = 1
  private static let hasOwner: UInt32 = 2
  private static let hasPermissions: UInt32 = 4
  private static let hasTimes: UInt32 = 8
  private static let hasExtensions: UInt32 = 0x8000_0000
  /// Extended pairs that are passed over; more is an attack.
  private static let maximumExtensions = 64

  init(_ reader: inout WireReader) throws(WireError) {
    let flags = try reader.readUInt32("attribute flags")
    if flags & Self.hasSize != 0 { size = try reader.readUInt64("size") }
    if flags & Self.hasOwner != 0 {
      owner = Owner(user: try reader.readUInt32("uid"), group: try reader.readUInt32("gid"))
    }
    if flags & Self.hasPermissions != 0 { permissions = try reader.readUInt32("permissions") }
    if flags & Self.hasTimes != 0 {
      times = Times(accessed: try reader.readUInt32("atime"), modified: try reader.readUInt32("mtime"))
    }
    if flags & Self.hasExtensions != 0 {
      let count = try Unverified(reader.readUInt32("extended count")).verified(
        atMost: Self.maximumExtensions, "extended count")
      for _ in 0..<(2 * count) { _ = try reader.readString("extended attribute") }
    }
  }

  public func append(to bytes: inout [UInt8]) {
    var flags: UInt32 = 0
    if size != nil { flags |= Self.hasSize }
    if owner != nil { flags |= Self.hasOwner }
    if permissions != nil { flags |= Self.hasPermissions }
    if times != nil { flags |= Self.hasTimes }
    bytes.appendInteger(flags)
    if let size { bytes.appendInteger(size) }
    if let owner {
      bytes.appendInteger(owner.user)
      bytes.appendInteger(owner.group)
    }
    if let permissions { bytes.appendInteger(permissions) }
    if let times {
      bytes.appendInteger(times.accessed)
      bytes.appendInteger(times.modified)
    }
  }
}

extension WireReader {
  /// `string` (RFC 4251 §5), as a part of the same memory.
  @_lifetime(copy self)
  mutating func readString(_ subject: StaticString) throws(WireError) -> RawSpan {
    let length = try Unverified(readUInt32(subject)).verified(atMost: remaining, subject, at: offset)
    return try readSpan(length, subject)
  }

  mutating func readStringBytes(_ subject: StaticString) throws(WireError) -> [UInt8] {
    try readString(subject).copied()
  }
}

extension [UInt8] {
  /// `string` (RFC 4251 §5).
  public mutating func appendSFTPString(_ bytes: some Collection<UInt8>) {
    appendInteger(UInt32(truncatingIfNeeded: bytes.count))
    append(contentsOf: bytes)
  }
}
