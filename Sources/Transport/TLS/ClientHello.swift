import WireKit

/// The first message of a TLS client, as far as it decides which certificate answers: the host name and the application
/// protocols that it asks for (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301).
///
/// BoringSSL shows neither before it has chosen a context, and goes on after a mismatch of protocols; what must be refused
/// (ALPACA, `security.md`) is refused by looking here first.
package struct ClientHello: Sendable, Equatable {
  /// The host name, in lower case.
  package var serverName: String?
  /// The protocols offered, in the client's order.
  package var applicationProtocols: [String]

  /// The most that a whole ClientHello may take, its records included.
  package static let maximumSize = 32 * 1024

  package enum Outcome: Equatable {
    case complete(ClientHello)
    case incomplete
    /// Not TLS, or not a well-formed hello.
    case malformed
  }

  /// Looks at the bytes that a client has sent so far.
  package static func parse(_ input: RawSpan) -> Outcome {
    var message: [UInt8] = []
    var reader = WireReader(input)
    do {
      while true {
        if let first = input.byte(at: reader.offset), first != 22 { return .malformed }
        if let major = input.byte(at: reader.offset + 1), major != 3 { return .malformed }
        guard reader.remaining >= 5 else { return .incomplete }
        try reader.skip(3, "record type and version")
        let length = Int(try reader.readUInt16("record length"))
        guard (1...16_384 + 256).contains(length) else { return .malformed }
        guard reader.remaining >= length else { return .incomplete }
        message.append(try reader.readSpan(length, "record"))
        if let hello = try decode(message) { return .complete(hello) }
        if message.count > maximumSize { return .malformed }
      }
    } catch {
      return .malformed
    }
  }

  /// The hello in a handshake message; `nil` while the message is not complete.
  private static func decode(_ message: [UInt8]) throws(WireError) -> ClientHello? {
    var reader = WireReader(message.span.bytes)
    guard reader.remaining >= 4 else { return nil }
    guard try reader.readUInt8("handshake type") == 1 else { throw WireError(.malformed, "handshake type") }
    let high = try reader.readUInt8("length")
    let length = Int(high) << 16 | Int(try reader.readUInt16("length"))
    guard length <= maximumSize else { throw WireError(.tooLong, "ClientHello") }
    guard reader.remaining >= length else { return nil }
    var body = WireReader(try reader.readSpan(length, "ClientHello"))
    try body.skip(2 + 32, "version and random")
    try body.skip(Int(try body.readUInt8("session id length")), "session id")
    try body.skip(Int(try body.readUInt16("cipher suites length")), "cipher suites")
    try body.skip(Int(try body.readUInt8("compression methods length")), "compression methods")
    var hello = ClientHello(serverName: nil, applicationProtocols: [])
    guard !body.isAtEnd else { return hello }
    var extensions = WireReader(try body.readSpan(Int(try body.readUInt16("extensions length")), "extensions"))
    while !extensions.isAtEnd {
      let type = try extensions.readUInt16("extension type")
      let content = try extensions.readSpan(Int(try extensions.readUInt16("extension length")), "extension")
      switch type {
      case 0: hello.serverName = try serverName(content)
      case 16: hello.applicationProtocols = try applicationProtocols(content)
      default: break
      }
    }
    return hello
  }

  private static func serverName(_ content: RawSpan) throws(WireError) -> String? {
    var reader = WireReader(content)
    var list = WireReader(try reader.readSpan(Int(try reader.readUInt16("server name list")), "server name list"))
    while !list.isAtEnd {
      let type = try list.readUInt8("name type")
      let name = try list.readBytes(Int(try list.readUInt16("host name length")), "host name")
      guard type == 0 else { continue }
      guard (1...255).contains(name.count), name.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw WireError(.malformed, "host name")
      }
      return String(decoding: name, as: UTF8.self).lowercased()
    }
    return nil
  }

  private static func applicationProtocols(_ content: RawSpan) throws(WireError) -> [String] {
    var reader = WireReader(content)
    var list = WireReader(try reader.readSpan(Int(try reader.readUInt16("protocol list")), "protocol list"))
    var names: [String] = []
    while !list.isAtEnd {
      names.append(
        String(
          decoding: try list.readBytes(Int(try list.readUInt8("protocol name length")), "protocol name"), as: UTF8.self)
      )
    }
    return names
  }
}
