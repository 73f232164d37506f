/// Why a backup could not be taken, read or restored, in words for the person who asked.
public struct BackupError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
