import WireKit

/// A client that the surroundings know: by its lease, its reservation or the inventory.
public struct KnownClient: Sendable, Hashable {
  /// The name that its versions are kept under.
  public var device: String
  /// Which of `TFTPServerConfiguration.clientRoots` is searched first for it.
  public var root: String?

  public init(device: String, root: String? = nil) {
    self.device = device
    self.root = root
  }
}

/// What the server asks about its clients. Called on a server thread: the answers come from memory.
public protocol ClientDirectory: Sendable {
  /// Who has this address; `nil` for nobody that is known.
  func client(at address: IPAddress) -> KnownClient?
  /// Which of `TFTPServerConfiguration.clientRoots` is searched first for an address that nobody is known at; `nil` for none.
  func root(at address: IPAddress) -> String?
  /// The content of a virtual file, such as a boot menu for this very client; `nil` when the name is none.
  func render(_ fileName: String, for client: KnownClient?, at address: IPAddress) -> [UInt8]?
}

extension ClientDirectory {
  public func root(at address: IPAddress) -> String? { nil }
}

/// Knows nobody, and has no virtual files.
public struct EmptyClientDirectory: ClientDirectory {
  public init() {}
  public func client(at address: IPAddress) -> KnownClient? { nil }
  public func render(_ fileName: String, for client: KnownClient?, at address: IPAddress) -> [UInt8]? { nil }
}
