import WireKit

/// SSH_MSG_CHANNEL_OPEN (RFC 4254 §5.1).
struct ChannelOpen {
  enum Kind: Equatable {
    case session
    case directTCP(TCPTarget)
    case forwardedTCP(TCPTarget)
    /// To a Unix socket at a path (OpenSSH's PROTOCOL §2.4).
    case directLocal(path: String)
    case other
  }

  let kind: Kind
  let sender: UInt32
  let window: UInt32
  let maximumPacket: UInt32

  init(_ payload: RawSpan) throws(WireError) {
    var reader = WireReader(payload)
    try reader.skip(1, "message number")
    let type = try reader.readText("channel type")
    sender = try reader.readUInt32("sender channel")
    window = try reader.readUInt32("initial window size")
    maximumPacket = try reader.readUInt32("maximum packet size")
    switch type {
    case "session": kind = .session
    case "direct-tcpip": kind = .directTCP(try TCPTarget(&reader))
    case "forwarded-tcpip": kind = .forwardedTCP(try TCPTarget(&reader))
    case "direct-streamlocal@openssh.com": kind = .directLocal(path: try reader.readText("socket path"))
    default: kind = .other
    }
  }
}

/// Where a forwarded connection goes to, and who asked for it (RFC 4254 §7.2).
public struct TCPTarget: Sendable, Hashable {
  public var host: String
  public var port: UInt16
  public var originatorHost: String
  public var originatorPort: UInt16

  public init(host: String, port: UInt16, originatorHost: String, originatorPort: UInt16) {
    self.host = host
    self.port = port
    self.originatorHost = originatorHost
    self.originatorPort = originatorPort
  }

  init(_ reader: inout WireReader) throws(WireError) {
    host = try reader.readText("host")
    port = UInt16(try Unverified(reader.readUInt32("port")).verified(atMost: 65_535, "port"))
    originatorHost = try reader.readText("originator")
    originatorPort = UInt16(try Unverified(reader.readUInt32("port")).verified(atMost: 65_535, "originator port"))
  }

  func append(to bytes: inout [UInt8]) {
    bytes.appendString(host)
    bytes.appendInteger(UInt32(port))
    bytes.appendString(originatorHost)
    bytes.appendInteger(UInt32(originatorPort))
  }
}

/// A connection that has come to a listener here, or to the socket of an agent.
public enum ForwardedConnection: Sendable, Hashable {
  case tcp(TCPTarget)
  /// To a Unix socket at this path.
  case local(path: String)
  case agent
  /// A program here opens a window there (RFC 4254 §6.3.2).
  case display(originatorHost: String, originatorPort: UInt16)

  /// The channel's type and what follows its windows.
  func append(type bytes: inout [UInt8]) {
    switch self {
    case .tcp: bytes.appendString("forwarded-tcpip")
    case .local: bytes.appendString("forwarded-streamlocal@openssh.com")
    case .agent: bytes.appendString("auth-agent@openssh.com")
    case .display: bytes.appendString("x11")
    }
  }

  func append(details bytes: inout [UInt8]) {
    switch self {
    case .tcp(let target): target.append(to: &bytes)
    case .local(let path):
      bytes.appendString(path)
      bytes.appendString("")
    case .agent: break
    case .display(let host, let port):
      bytes.appendString(host)
      bytes.appendInteger(UInt32(port))
    }
  }
}

/// Why a channel was not opened (RFC 4254 §5.1).
public enum ChannelOpenFailure: UInt32, Sendable {
  case administrativelyProhibited = 1
  case connectFailed = 2
  case unknownChannelType = 3
  case resourceShortage = 4
}
