import Foundation
import Services

/// One backup: when it was taken, of what, and where the list of its files is.
public struct Snapshot: Codable, Sendable {
  /// `2026-11-25T161703Z-9f3c`: when it was taken, and four random digits.
  public var id: String
  /// When it began, in milliseconds since 1970 UTC.
  public var milliseconds: Int64
  public var host: String
  /// Of the program that wrote it.
  public var version: String
  /// The folder of data that it was taken of.
  public var data: String
  public var label: String?
  public var files: Int
  /// Bytes of all files.
  public var bytes: Int64
  /// Bytes that this backup added to the repository.
  public var added: Int64
  /// The chunks that hold the list of files.
  var tree: [ChunkID]
}

/// A file, a folder or a symbolic link as it was.
public struct SnapshotEntry: Codable, Sendable {
  public enum Kind: String, Codable, Sendable {
    case file, folder, link
  }

  /// The absolute path that it had. Bytes that are no UTF-8 stand in `rawPath`.
  public var path: String
  var rawPath: Data?
  public var kind: Kind
  var mode: UInt32
  var user: String
  var group: String
  var modifiedSeconds: Int64
  var modifiedNanoseconds: Int64
  /// Of the status, not of the content: it tells a file that was written to in place and had its time set back.
  var changedSeconds: Int64
  var changedNanoseconds: Int64
  var inode: UInt64
  public var size: Int64
  var chunks: [ChunkID]
  /// Where a link points.
  var target: Data?

  /// The path's bytes.
  var bytes: [UInt8] { rawPath.map { [UInt8]($0) } ?? Array(path.utf8) }
}
