import WireKit

/// What a session asks the outside for. Paths are as the client wrote them; whoever answers knows the current folder.
public enum FTPRequest: Hashable, Sendable {
  case logIn(name: [UInt8], password: [UInt8], isAnonymous: Bool)
  /// The second factor's code, after `.codeNeeded` (ACCT).
  case secondFactor([UInt8])
  /// Forget who is logged in, the folder and the data connection.
  case reset

  case workingDirectory
  case changeDirectory([UInt8])
  /// Prepare a data connection that the client will make.
  case passive(IPAddress.Family?)
  /// Remember where to make the data connection.
  case active(Endpoint)
  /// Forget the data connection that was prepared.
  case abandonData
  /// Open what is to be transferred.
  case begin(FTPTransfer)
  /// Transfer it. Taken back by `cancel` to abort.
  case run
  /// How far the running transfer is.
  case progress

  case renameFrom([UInt8])
  case rename([UInt8], to: [UInt8])
  case delete([UInt8])
  case makeDirectory([UInt8])
  case removeDirectory([UInt8])
  case facts([UInt8]?, FTPFacts)
  case status([UInt8])
  case size([UInt8], isText: Bool)
  case modified([UInt8])
  case change([UInt8], FTPFactChanges)
  case hash([UInt8], FTPHashAlgorithm, from: UInt64, through: UInt64?)
  case available([UInt8]?)
  case allocate(UInt64)
}

/// The answer to a request.
public enum FTPOutcome: Hashable, Sendable {
  case done
  case failed(FTPFailure)

  case loggedIn
  case denied
  case codeNeeded
  /// Too many failures from there.
  case penalised(seconds: Int)
  /// The directory of accounts can't be reached.
  case unavailable

  /// Where something is now, as the client may name it.
  case path([UInt8])
  case passive(Endpoint)
  /// The transfer can run. `size` is what will be sent, where that is known; `name` what STOU chose.
  case began(size: UInt64?, name: [UInt8]?)
  case transferred(bytes: UInt64)
  case progress(bytes: UInt64)
  case number(UInt64)
  case time(FTPTime)
  case lines([[UInt8]])
  /// The sum, and the bytes that it is over.
  case hash([UInt8], from: UInt64, through: UInt64)
}

/// Why something could not be done; `FTPReply.init(_:)` decides the reply code, here alone.
public enum FTPFailure: Error, Hashable, Sendable {
  case notFound, permissionDenied, exists, isDirectory, notDirectory, notEmpty
  case noSpace, quotaExceeded, tooLarge, invalidName, unsupported, tooManyOpen
  /// Somebody uploads to this name right now.
  case busy
  /// The medium failed.
  case local
  /// Neither PASV nor PORT came before.
  case noDataPort
  /// No free port in the passive range.
  case noPort
  /// PASV where the address has no form for it.
  case needsExtended(IPAddress.Family)
  /// PORT to somebody else, or to a port of the system's.
  case forbiddenAddress
  case dataConnectionFailed
  case dataConnectionLost
  /// The TLS handshake of the data connection failed.
  case dataTLSFailed
  case stalled
  case aborted
  /// Fewer or more bytes than ALLO announced.
  case sizeDiffers
  case restartBeyondEnd
  /// Bytes that are no deflate stream (MODE Z).
  case corruptStream
}

extension FTPReply {
  /// The failure in words, for a log.
  public static func text(of failure: FTPFailure) -> String { FTPReply(failure).text }

  init(_ failure: FTPFailure) {
    switch failure {
    case .notFound: self.init(550, "No such file or folder.")
    case .permissionDenied: self.init(550, "Permission denied.")
    case .exists: self.init(550, "It exists already.")
    case .isDirectory: self.init(550, "That is a folder.")
    case .notDirectory: self.init(550, "That is no folder.")
    case .notEmpty: self.init(550, "The folder is not empty.")
    case .noSpace: self.init(452, "The disk is full; nothing was changed.")
    case .quotaExceeded: self.init(552, "Your quota is used up; nothing was changed.")
    case .tooLarge: self.init(552, "Too large.")
    case .invalidName: self.init(553, "That is no name for a file here.")
    case .unsupported: self.init(504, "That is not possible here.")
    case .tooManyOpen: self.init(450, "Too many files are open; try again.")
    case .busy: self.init(450, "Somebody is uploading to that name.")
    case .local: self.init(451, "The disk failed.")
    case .noDataPort: self.init(425, "Use PASV, EPSV, PORT or EPRT first.")
    case .noPort: self.init(421, "No data port is free; try again.")
    case .needsExtended(let family):
      self.init(522, "Use EPSV or EPRT, protocol \(family == .v4 ? "(1)" : "(2)").")
    case .forbiddenAddress: self.init(501, "The data connection must go to your own address, to a port above 1023.")
    case .dataConnectionFailed: self.init(425, "Can't open the data connection.")
    case .dataConnectionLost: self.init(426, "The data connection broke; the transfer is not complete.")
    case .dataTLSFailed: self.init(425, "The TLS handshake of the data connection failed.")
    case .stalled: self.init(426, "Nothing moved for too long; the transfer is not complete.")
    case .aborted: self.init(426, "Transfer aborted.")
    case .sizeDiffers: self.init(426, "The size is not the one that ALLO announced; the transfer is not complete.")
    case .restartBeyondEnd: self.init(554, "The restart is behind the end of the file.")
    case .corruptStream: self.init(426, "The compressed data is corrupt.")
    }
  }
}
