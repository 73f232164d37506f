import Glibc

/// A file descriptor that is closed when nobody refers to it any more.
public final class OpenFile: Sendable {
  /// Valid as long as this object lives. Read it by position only: several connections share it.
  public let descriptor: Int32

  /// Takes over a descriptor.
  public init(owning descriptor: Int32) { self.descriptor = descriptor }

  deinit { Glibc.close(descriptor) }
}
