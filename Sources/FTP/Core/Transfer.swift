import WireKit

/// One transfer over a data connection.
public struct FTPTransfer: Hashable, Sendable {
  public enum Content: Hashable, Sendable {
    /// RETR; `range` narrows it (REST, RANG), both ends included.
    case retrieve([UInt8], from: UInt64, through: UInt64?)
    /// STOR from an offset on (REST).
    case store([UInt8], at: UInt64)
    case append([UInt8])
    /// STOU, with the name that the client would like, if any.
    case storeUnique([UInt8]?)
    /// LIST, NLST, MLSD; without a path, the current folder.
    case list([UInt8]?, FTPListingStyle)
  }

  public var content: Content
  /// TYPE A: line ends are converted.
  public var isText: Bool
  /// MODE Z, with the level of compression.
  public var compression: Int?
  /// PROT P.
  public var isProtected: Bool
  /// What ALLO announced.
  public var announcedSize: UInt64?

  public init(
    _ content: Content, isText: Bool = false, compression: Int? = nil, isProtected: Bool = false,
    announcedSize: UInt64? = nil
  ) {
    self.content = content
    self.isText = isText
    self.compression = compression
    self.isProtected = isProtected
    self.announcedSize = announcedSize
  }
}

/// The sums that HASH computes (draft-bryan-ftpext-hash).
public enum FTPHashAlgorithm: String, Hashable, Sendable, CaseIterable {
  case sha256 = "SHA-256"
  case crc32 = "CRC32"
}

/// What MFF and its kin set.
public struct FTPFactChanges: Hashable, Sendable {
  public var modified: FTPTime?
  public var permissions: UInt32?

  public init(modified: FTPTime? = nil, permissions: UInt32? = nil) {
    self.modified = modified
    self.permissions = permissions
  }
}
