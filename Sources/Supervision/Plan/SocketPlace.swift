import WireKit

/// Where a socket listens: its kind and its address.
public enum SocketPlace: Hashable, Sendable, Codable, CustomStringConvertible {
  /// Port 0 takes any free one.
  case tcp(Endpoint)
  /// Port 0 takes any free one.
  case udp(Endpoint)
  /// A stream socket in the file system; at most 107 bytes, as `sun_path` has no room for more.
  case unixStream(path: String)

  /// `tcp 127.0.0.1:80`, `udp [::]:53`, `unix /run/portside/gate`.
  public var description: String {
    switch self {
    case .tcp(let endpoint): "tcp \(endpoint)"
    case .udp(let endpoint): "udp \(endpoint)"
    case .unixStream(let path): "unix \(path)"
    }
  }

  /// The address and port, unless it is a Unix socket.
  public var endpoint: Endpoint? {
    switch self {
    case .tcp(let endpoint), .udp(let endpoint): endpoint
    case .unixStream: nil
    }
  }
}
