/// Where a repository's files are kept. Names are relative, with `/` between folder and file.
///
/// Calls block; one command uses a place at a time.
public protocol BackupPlace: Sendable {
  /// The files in a folder, in any order; none when there is no such folder.
  func names(in folder: String) throws(BackupError) -> [String]
  /// A whole file; `nil` when there is none.
  func read(_ name: String) throws(BackupError) -> [UInt8]?
  /// A part of a file; an error when the file ends before it.
  func read(_ name: String, at offset: Int, count: Int) throws(BackupError) -> [UInt8]
  /// Makes a file whole or not at all; it is durable when this returns. An existing one is replaced.
  func write(_ name: String, _ bytes: [UInt8]) throws(BackupError)
  /// Removes a file; one that is not there is no error.
  func remove(_ name: String) throws(BackupError)
  /// Keeps other commands from changing the repository, until the value that comes back is let go.
  func lock() throws(BackupError) -> any Sendable
}
