/// Why a file store did not do what was asked.
public enum FileError: Error, Hashable, Sendable {
  case notFound
  case permissionDenied
  case exists
  case isDirectory
  case notDirectory
  case notEmpty
  /// A link, or a chain of them, leads out of the store or in a circle.
  case escapes
  case noSpace
  case quotaExceeded
  case tooLarge
  case readOnly
  case crossesDevices
  case invalidName
  case tooManyOpen
  case unsupported
  /// The medium failed; the number is the system's, for the log.
  case failure(Int32)
}
