import WireKit

/// The security protocols of the negotiation (MS-RDPBCGR 2.2.1.1.1).
public struct SecurityProtocols: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// TLS.
  public static let ssl = SecurityProtocols(rawValue: 1)
  /// TLS, then CredSSP.
  public static let hybrid = SecurityProtocols(rawValue: 2)
  /// As `hybrid`, with a result of four bytes after it.
  public static let hybridEx = SecurityProtocols(rawValue: 8)
  /// None of them: the legacy RC4 layer, which this server never speaks.
  public static let legacy: SecurityProtocols = []

  /// The one that was chosen, in words.
  public var name: String {
    switch self {
    case .ssl: "TLS"
    case .hybrid: "HYBRID (CredSSP)"
    case .hybridEx: "HYBRID_EX (CredSSP)"
    case .legacy: "RDP (legacy)"
    default: "0x" + String(rawValue, radix: 16)
    }
  }
}

/// Why a negotiation failed (MS-RDPBCGR 2.2.1.2.2).
public enum NegotiationFailure: UInt32, Sendable, Hashable {
  case sslRequired = 1
  case sslNotAllowed = 2
  case noCertificate = 3
  case inconsistentFlags = 4
  case hybridRequired = 5
}

/// The client's first packet: an X.224 connection request (MS-RDPBCGR 2.2.1.1).
public struct ConnectionRequest: Sendable, Hashable {
  /// The text before the negotiation, without its line end: `Cookie: mstshash=ann` or a routing token.
  public var cookie: String?
  /// What the client speaks; `nil` for clients from before the negotiation, which know the legacy layer alone.
  public var protocols: SecurityProtocols?
  /// RDP_NEG_REQ's flags.
  public var flags: UInt8 = 0

  public init(cookie: String? = nil, protocols: SecurityProtocols?) {
    self.cookie = cookie
    self.protocols = protocols
  }

  /// From a whole TPKT.
  public init(_ packet: RawSpan) throws(WireError) {
    var reader = WireReader(packet)
    try reader.skip(TPKT.headerSize, "TPKT")
    let length = try Int(reader.readUInt8("X.224 length"))
    guard length == reader.remaining, length >= 6 else { throw WireError(.outOfBounds, "X.224 length", at: 4) }
    guard try reader.readUInt8("X.224 code") & 0xF0 == 0xE0 else { throw WireError(.malformed, "X.224 code", at: 5) }
    try reader.skip(5, "X.224 references")
    let rest = try reader.readSpan(reader.remaining, "X.224 data")
    var end = 0
    if rest.byteCount > 0, rest.byte(at: 0) != 1 || rest.byteCount != 8 {
      while end + 1 < rest.byteCount, !(rest.byte(at: end) == 13 && rest.byte(at: end + 1) == 10) { end += 1 }
      guard end + 1 < rest.byteCount else { throw WireError(.malformed, "cookie") }
      cookie = String(decoding: rest.extracting(0..<end).copied(), as: UTF8.self)
      end += 2
    }
    guard end < rest.byteCount else { return }
    var negotiation = WireReader(rest.extracting(end..<rest.byteCount))
    guard try negotiation.readUInt8("negotiation type") == 1 else { throw WireError(.malformed, "negotiation type") }
    flags = try negotiation.readUInt8("negotiation flags")
    guard try negotiation.readLittleEndian("negotiation length", as: UInt16.self) == 8 else {
      throw WireError(.outOfBounds, "negotiation length")
    }
    protocols = SecurityProtocols(rawValue: try negotiation.readLittleEndian("protocols"))
  }

  /// The whole packet: for the client's role.
  public func encode(into output: inout [UInt8]) {
    output.appendTPKT { output in
      let start = output.count
      output.append(contentsOf: [0, 0xE0, 0, 0, 0, 0, 0])
      if let cookie { output.append(contentsOf: Array(cookie.utf8) + [13, 10]) }
      if let protocols {
        output.append(contentsOf: [1, flags, 8, 0])
        output.appendLittleEndian(protocols.rawValue)
      }
      output[start] = UInt8(clamping: output.count - start - 1)
    }
  }
}

/// The server's answer (MS-RDPBCGR 2.2.1.2).
public enum ConnectionConfirm: Sendable, Hashable {
  /// `flags`: 1 extended client data, 2 graphics pipeline.
  case selected(SecurityProtocols, flags: UInt8)
  case failed(NegotiationFailure)

  public func encode(into output: inout [UInt8]) {
    output.appendTPKT { output in
      output.append(contentsOf: [14, 0xD0, 0, 0, 0x12, 0x34, 0])
      switch self {
      case .selected(let protocols, let flags):
        output.append(contentsOf: [2, flags, 8, 0])
        output.appendLittleEndian(protocols.rawValue)
      case .failed(let failure):
        output.append(contentsOf: [3, 0, 8, 0])
        output.appendLittleEndian(failure.rawValue)
      }
    }
  }

  /// From a whole TPKT: for the client's role. A confirm without a negotiation is the legacy layer.
  public init(_ packet: RawSpan) throws(WireError) {
    var reader = WireReader(packet)
    try reader.skip(TPKT.headerSize + 1, "TPKT")
    guard try reader.readUInt8("X.224 code") & 0xF0 == 0xD0 else { throw WireError(.malformed, "X.224 code") }
    try reader.skip(5, "X.224 references")
    guard reader.remaining > 0 else {
      self = .selected(.legacy, flags: 0)
      return
    }
    let type = try reader.readUInt8("negotiation type")
    let flags = try reader.readUInt8("negotiation flags")
    try reader.skip(2, "negotiation length")
    let value: UInt32 = try reader.readLittleEndian("negotiation value")
    switch type {
    case 2: self = .selected(SecurityProtocols(rawValue: value), flags: flags)
    case 3:
      guard let failure = NegotiationFailure(rawValue: value) else { throw WireError(.unsupported, "failure code") }
      self = .failed(failure)
    default: throw WireError(.malformed, "negotiation type")
    }
  }
}
