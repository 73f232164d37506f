/// How the file's bytes travel (RFC 1350 §1). `mail` is obsolete and refused.
public enum TransferMode: String, Sendable, Hashable {
  case octet, netascii
}

/// An option of a request or of its acknowledgement (RFC 2347): `blksize` `1468`.
public struct TransferOption: Sendable, Hashable {
  /// In lower case: names are case-insensitive.
  public var name: String
  public var value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  public init(_ name: String, _ value: UInt64) { self.init(name, String(value)) }
}

/// A read or write request (RFC 1350 §5, RFC 2347).
///
///     00 01 | "pxelinux.0" 00 | "octet" 00 | "blksize" 00 "1468" 00 | "tsize" 00 "0" 00
public struct Request: Sendable, Hashable {
  public enum Direction: Sendable, Hashable {
    /// RRQ: from the server to the client.
    case read
    /// WRQ: from the client to the server.
    case write
  }

  public var direction: Direction
  public var fileName: String
  public var mode: TransferMode
  /// In the client's order; each name once at most.
  public var options: [TransferOption]

  public init(_ direction: Direction, _ fileName: String, mode: TransferMode = .octet, options: [TransferOption] = []) {
    self.direction = direction
    self.fileName = fileName
    self.mode = mode
    self.options = options
  }
}
