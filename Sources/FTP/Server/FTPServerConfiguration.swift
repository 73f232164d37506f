import FTPCore
import Services
import WireKit

/// What an FTP server offers, and within which limits.
public struct FTPServerConfiguration: Sendable {
  /// The names that it goes by, in lower case; the first stands in the greeting.
  public var hostNames: [String] = []
  /// Whether data connections of encrypted sessions must be encrypted as well.
  public var requiresTLS = true
  /// Whether clients may end TLS on the control connection once they have logged in (CCC).
  public var allowsClearCommands = false
  /// Whether a peer may log in without TLS.
  public var acceptsPlainLogIn: @Sendable (IPAddress) -> Bool = { _ in false }
  /// Ports of passive data connections; 0...0 takes any free one.
  public var passivePorts: ClosedRange<UInt16> = 0...0
  /// The address that PASV tells, by the client's network; the first that holds the client counts. Clients of no such network
  /// are told `announcedAddress`, and without one the address that they came to.
  public var announcedByNetwork: [(network: IPNetwork, address: IPAddress)] = []
  public var announcedAddress: IPAddress?
  /// The port that active data connections come from, 0 for any; `nil`: no active mode.
  public var activePort: UInt16? = 0
  /// Whether uploads are seen while they last, instead of whole at their end.
  public var showsUploadsAtOnce = false
  /// Whether an upload is answered only once it is on the disk, with its name.
  public var synchronisesUploads = true
  /// The file that takes a line for each transfer, in the form of wu-ftpd's xferlog; `nil` for none.
  public var transferLog: String?
  /// The files that an account sees; `nil` when it may see none. Called on a thread that may wait.
  public var files: @Sendable (AccountIdentity) throws(FileError) -> (any FileStore)? = { _ in nil }
  /// What those see who log in as `anonymous`; `nil`: nobody may.
  public var anonymousFiles: (@Sendable () throws(FileError) -> any FileStore)?
  public var limits = FTPLimits()
  public var dataLimits = FTPDataLimits()

  public init() {}

  func policy(for connection: Peer) -> FTPPolicy {
    FTPPolicy(
      offersTLS: connection.offersTLS, isImplicit: connection.isImplicit,
      acceptsPlainLogIn: acceptsPlainLogIn(connection.address), requiresProtectedData: requiresTLS,
      allowsClearCommands: allowsClearCommands, allowsActive: activePort != nil, allowsAnonymous: anonymousFiles != nil,
      hostNames: hostNames)
  }

  /// What of a connection decides its policy.
  struct Peer {
    var address: IPAddress
    var offersTLS: Bool
    var isImplicit: Bool
  }
}

/// How long data connections may take.
public struct FTPDataLimits: Sendable, Hashable {
  /// From the command to the connection, and for the TLS handshake.
  public var connectTime: Duration
  /// Without a byte moved.
  public var stallTime: Duration

  public init(connectTime: Duration = .seconds(30), stallTime: Duration = .seconds(120)) {
    self.connectTime = connectTime
    self.stallTime = stallTime
  }
}
