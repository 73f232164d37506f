/// The wrapping around DEFLATE data (RFC 1951).
public enum CompressionFormat: Sendable, Hashable {
  /// None: IMAP's COMPRESS (RFC 4978 §3).
  case raw
  /// Two bytes in front and a checksum behind (RFC 1950): SSH's zlib, FTP's MODE Z, HTTP's `deflate`.
  case zlib
  /// A file header and a checksum (RFC 1952): HTTP's `gzip`.
  case gzip

  /// zlib's way to name them, with the largest window (32 KiB).
  var windowBits: Int32 {
    switch self {
    case .raw: -15
    case .zlib: 15
    case .gzip: 15 + 16
    }
  }
}

/// How much of what was taken must come out now.
public enum CompressionFlush: Sendable, Hashable {
  /// As much as the compressor likes: best for bulk.
  case none
  /// Everything so far, up to a byte boundary, so that the other end can read it (Z_SYNC_FLUSH; RFC 4978 §4).
  case sync
  /// Everything, with the format's end.
  case finish
}

/// What a peer sent does not decompress, or the library has no memory.
public struct CompressionError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
