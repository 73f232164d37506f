import WireKit

/// The header by which a proxy in front of us tells who the client is: the PROXY protocol, versions 1 and 2
/// (haproxy's `proxy-protocol.txt` §2.1 and §2.2).
///
/// Only listeners that name the proxy's network expect it, and those then demand it: a header that is sometimes believed
/// would let anyone choose an address.
package struct ProxyHeader: Sendable, Equatable {
  /// Who the client is and where it connected to; `nil` for the proxy's own connections (LOCAL, health checks) and for
  /// address families that have no IP address.
  package var endpoints: Endpoints?
  /// Bytes that the header takes, from the start of the stream.
  package var length: Int

  package struct Endpoints: Sendable, Equatable {
    package var source: Endpoint
    package var destination: Endpoint
  }

  package enum Outcome: Equatable {
    case complete(ProxyHeader)
    case incomplete
    case malformed
  }

  private static let signature: [UInt8] = [
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
  ]
  private static let textSignature = Array("PROXY ".utf8)
  /// The longest line of version 1, its line end included.
  private static let maximumLine = 107
  /// The most that addresses and TLVs may take: a header is no place to park memory.
  private static let maximumLength = 2048

  /// Looks at the bytes that have come so far.
  package static func parse(_ input: RawSpan) -> Outcome {
    input.byte(at: 0) == textSignature.first ? parseText(input) : parseBinary(input)
  }

  private static func parseBinary(_ input: RawSpan) -> Outcome {
    for index in 0..<min(signature.count, input.byteCount) where input.byte(at: index) != signature[index] {
      return .malformed
    }
    var reader = WireReader(input)
    guard input.byteCount >= 16 else { return .incomplete }
    do {
      try reader.skip(12, "signature")
      let versionAndCommand = try reader.readUInt8("version and command")
      let family = try reader.readUInt8("family and protocol")
      let length = Int(try reader.readUInt16("length"))
      guard versionAndCommand >> 4 == 2, length <= maximumLength else { return .malformed }
      guard reader.remaining >= length else { return .incomplete }
      var addresses = WireReader(try reader.readSpan(length, "addresses"))
      let header = { ProxyHeader(endpoints: $0, length: 16 + length) }
      switch (versionAndCommand & 0x0F, family) {
      case (0, _): return .complete(header(nil))
      case (1, 0x11): return .complete(header(try endpoints(&addresses, octets: 4)))
      case (1, 0x21): return .complete(header(try endpoints(&addresses, octets: 16)))
      case (1, 0x00), (1, 0x31): return .complete(header(nil))
      default: return .malformed
      }
    } catch {
      return .malformed
    }
  }

  /// `PROXY TCP4 192.0.2.7 198.51.100.9 4386 25`
  private static func parseText(_ input: RawSpan) -> Outcome {
    for index in 0..<min(textSignature.count, input.byteCount) where input.byte(at: index) != textSignature[index] {
      return .malformed
    }
    var framer = LineFramer(maximumLength: maximumLine - 2)
    switch framer.next(in: input) {
    case .incomplete: return .incomplete
    case .tooLong, .bareLineEnd: return .malformed
    case .line(let length, let terminator):
      let text = String(decoding: input.extracting(0..<length).copied(), as: UTF8.self)
      let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      let total = length + terminator
      if words.count >= 2, words[1] == "UNKNOWN" { return .complete(ProxyHeader(endpoints: nil, length: total)) }
      guard words.count == 6, let family = ["TCP4": IPAddress.Family.v4, "TCP6": .v6][words[1]],
        let source = IPAddress(words[2]), let destination = IPAddress(words[3]), source.family == family,
        destination.family == family, let sourcePort = UInt16(words[4]), let destinationPort = UInt16(words[5])
      else { return .malformed }
      return .complete(
        ProxyHeader(
          endpoints: Endpoints(
            source: Endpoint(source, sourcePort), destination: Endpoint(destination, destinationPort)), length: total))
    }
  }

  private static func endpoints(_ reader: inout WireReader, octets: Int) throws(WireError) -> Endpoints {
    let source = try reader.readBytes(octets, "source address")
    let destination = try reader.readBytes(octets, "destination address")
    let sourcePort = try reader.readUInt16("source port")
    let destinationPort = try reader.readUInt16("destination port")
    guard let from = IPAddress(octets: source), let to = IPAddress(octets: destination) else {
      throw WireError(.malformed, "address")
    }
    return Endpoints(source: Endpoint(from, sourcePort), destination: Endpoint(to, destinationPort))
  }
}
