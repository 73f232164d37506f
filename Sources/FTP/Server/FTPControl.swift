import FTPCore
import Services
import Synchronization
import WireKit

/// What the server keeps for one control connection.
final class FTPControl: Sendable {
  struct State {
    var identity: AccountIdentity?
    var isAnonymous = false
    var files: (any FileStore)?
    var folder = FilePath()
    /// The name and the password that were right, while the second factor's code is awaited.
    var halfLogIn: (name: String, password: Secret)?
    /// The data connection that is prepared.
    var port: DataPort?
    var transfer: PreparedTransfer?
    /// Bytes that the running transfer has moved.
    var moved: UInt64 = 0
    /// The folder in which the last upload was found to be one that may be renamed at its end.
    var completingFolder: FilePath?
    var hasEnded = false
  }

  /// As it was when the connection began.
  let configuration: FTPServerConfiguration
  let state = Mutex(State())

  init(_ configuration: FTPServerConfiguration) { self.configuration = configuration }

  /// The files and the path that a client's words mean.
  func place(_ path: [UInt8]?) throws(FTPFailure) -> (files: any FileStore, path: FilePath) {
    let (files, folder) = state.withLock { ($0.files, $0.folder) }
    guard let files else { throw .permissionDenied }
    guard let path else { return (files, folder) }
    guard let whole = FilePath(path, from: folder), !whole.names.contains(where: { !Self.isName($0) }) else {
      throw .invalidName
    }
    return (files, whole)
  }

  /// Whether an upload may take its name at the end. What was permitted a file ago is not asked again: that takes eight calls of
  /// the system, and where it has changed, the last step is refused.
  func mayComplete(_ files: any FileStore, _ path: FilePath) -> Bool {
    let folder = path.parent
    if state.withLock({ $0.completingFolder == folder }) { return true }
    guard PartialName.mayComplete(files, path) else { return false }
    state.withLock { $0.completingFolder = folder }
    return true
  }

  /// Names with line ends could not be shown again.
  private static func isName(_ name: [UInt8]) -> Bool { !name.contains { $0 == 0x0A || $0 == 0x0D } }

  var account: String? { state.withLock { $0.isAnonymous ? "anonymous" : $0.identity?.name } }

  /// Adds to what the running transfer has moved.
  func move(_ count: Int) { state.withLock { $0.moved += UInt64(max(0, count)) } }

  /// Replaces the prepared data connection.
  func setPort(_ port: DataPort?) {
    let (old, isLate) = state.withLock { state -> (DataPort?, Bool) in
      if state.hasEnded { return (nil, true) }
      defer { state.port = port }
      return (state.port, false)
    }
    old?.close()
    if isLate { port?.close() }
  }

  func takePort() -> DataPort? {
    state.withLock { state in
      defer { state.port = nil }
      return state.port
    }
  }

  func takeTransfer() -> PreparedTransfer? {
    state.withLock { state in
      defer { state.transfer = nil }
      return state.transfer
    }
  }

  func end() {
    let port = state.withLock { state -> DataPort? in
      state.hasEnded = true
      state.transfer = nil
      defer { state.port = nil }
      return state.port
    }
    port?.close()
  }

  /// Forgets who is logged in.
  func reset() {
    setPort(nil)
    state.withLock { state in
      let hasEnded = state.hasEnded
      state = State()
      state.hasEnded = hasEnded
    }
  }
}

extension FTPFailure {
  init(_ error: any Error) {
    switch error {
    case let error as FTPFailure: self = error
    case let error as FileError: self.init(file: error)
    default: self = .local
    }
  }

  init(file error: FileError) {
    switch error {
    case .notFound: self = .notFound
    case .permissionDenied, .readOnly, .escapes: self = .permissionDenied
    case .exists: self = .exists
    case .isDirectory: self = .isDirectory
    case .notDirectory: self = .notDirectory
    case .notEmpty: self = .notEmpty
    case .noSpace: self = .noSpace
    case .quotaExceeded: self = .quotaExceeded
    case .tooLarge: self = .tooLarge
    case .crossesDevices, .unsupported: self = .unsupported
    case .invalidName: self = .invalidName
    case .tooManyOpen: self = .tooManyOpen
    case .failure: self = .local
    }
  }
}
