/// What is known of a file.
public struct FileAttributes: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable, Codable {
    case file, directory, symbolicLink, other
  }

  public var kind: Kind
  /// Bytes.
  public var size: UInt64
  /// The permission bits alone: 0...0o7777.
  public var permissions: UInt32
  public var user: UInt32
  public var group: UInt32
  public var accessed: WallTime
  public var modified: WallTime
  /// Names that it has.
  public var links: UInt64

  public init(
    kind: Kind, size: UInt64, permissions: UInt32, user: UInt32, group: UInt32, accessed: WallTime,
    modified: WallTime, links: UInt64 = 1
  ) {
    self.kind = kind
    self.size = size
    self.permissions = permissions
    self.user = user
    self.group = group
    self.accessed = accessed
    self.modified = modified
    self.links = links
  }
}

/// What shall become of a file's attributes; `nil` leaves one as it is.
public struct FileAttributeChanges: Hashable, Sendable {
  public var size: UInt64?
  public var permissions: UInt32?
  public var owner: Owner?
  public var times: Times?

  public struct Owner: Hashable, Sendable {
    public var user: UInt32
    public var group: UInt32
    public init(user: UInt32, group: UInt32) {
      self.user = user
      self.group = group
    }
  }

  public struct Times: Hashable, Sendable {
    public var accessed: WallTime
    public var modified: WallTime
    public init(accessed: WallTime, modified: WallTime) {
      self.accessed = accessed
      self.modified = modified
    }
  }

  public init(size: UInt64? = nil, permissions: UInt32? = nil, owner: Owner? = nil, times: Times? = nil) {
    self.size = size
    self.permissions = permissions
    self.owner = owner
    self.times = times
  }
}

/// One name of a directory.
public struct DirectoryEntry: Hashable, Sendable {
  public var name: [UInt8]
  public var attributes: FileAttributes
  public init(name: [UInt8], attributes: FileAttributes) {
    self.name = name
    self.attributes = attributes
  }
}

/// The room of the file system that a path lies on (statvfs).
public struct FileSystemSpace: Hashable, Sendable {
  public var blockSize: UInt64
  public var fragmentSize: UInt64
  public var blocks: UInt64
  public var freeBlocks: UInt64
  public var availableBlocks: UInt64
  public var files: UInt64
  public var freeFiles: UInt64
  public var availableFiles: UInt64
  public var identifier: UInt64
  public var isReadOnly: Bool
  public var maximumName: UInt64

  public init(
    blockSize: UInt64, fragmentSize: UInt64, blocks: UInt64, freeBlocks: UInt64, availableBlocks: UInt64,
    files: UInt64, freeFiles: UInt64, availableFiles: UInt64, identifier: UInt64, isReadOnly: Bool,
    maximumName: UInt64
  ) {
    self.blockSize = blockSize
    self.fragmentSize = fragmentSize
    self.blocks = blocks
    self.freeBlocks = freeBlocks
    self.availableBlocks = availableBlocks
    self.files = files
    self.freeFiles = freeFiles
    self.availableFiles = availableFiles
    self.identifier = identifier
    self.isReadOnly = isReadOnly
    self.maximumName = maximumName
  }
}
