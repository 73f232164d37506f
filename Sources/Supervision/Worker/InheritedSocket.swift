import Glibc

/// A bound socket, or a group that shares an address, as a worker receives it.
public struct InheritedSocket: Hashable, Sendable {
  /// The name that the plan gives it.
  public var name: String
  /// With the real port.
  public var place: SocketPlace
  /// Open, non-blocking, close-on-exec, listening if a stream. The receiver closes them, or hands them to what does.
  public var descriptors: [Int32]

  /// What stays the same when a reload hands over the same socket once more under the same name, whatever the
  /// descriptors' numbers.
  public struct Identity: Hashable, Sendable {
    public var name: String
    public var place: SocketPlace
    var inodes: [UInt64]
  }

  /// To be asked for while the descriptors are open.
  public var identity: Identity {
    let inodes = descriptors.map { number in
      var status = stat()
      return fstat(number, &status) == 0 ? UInt64(status.st_ino) : 0
    }
    return Identity(name: name, place: place, inodes: inodes)
  }

  /// Closes the descriptors.
  public func close() {
    for number in descriptors { _ = Glibc.close(number) }
  }
}
