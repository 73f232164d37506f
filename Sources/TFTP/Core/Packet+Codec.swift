import WireKit

extension Packet {
  /// Reads a datagram. What follows a complete ACK or ERROR is ignored, as some boot ROMs pad; a request or OACK must be
  /// well-formed to its end.
  public static func decode(_ bytes: RawSpan) throws(WireError) -> Packet {
    var reader = WireReader(bytes)
    let number = try reader.readUInt16("opcode")
    guard let opcode = Opcode(rawValue: number) else { throw WireError(.unsupported, "opcode") }
    switch opcode {
    case .readRequest: return .request(try decodeRequest(.read, &reader))
    case .writeRequest: return .request(try decodeRequest(.write, &reader))
    case .data:
      let block = try reader.readUInt16("block number")
      return .data(block: block, payload: dataHeaderLength..<bytes.byteCount)
    case .acknowledgement:
      return .acknowledgement(block: try reader.readUInt16("block number"))
    case .error:
      let code = ErrorCode(rawValue: try reader.readUInt16("error code"))
      return .error(code, message: lenientText(&reader))
    case .optionAcknowledgement:
      return .optionAcknowledgement(try decodeOptions(&reader))
    }
  }

  private static func decodeRequest(
    _ direction: Request.Direction, _ reader: inout WireReader
  ) throws(WireError) -> Request {
    guard reader.bytes.byteCount <= maximumRequestLength else { throw WireError(.tooLong, "request") }
    let name = try text(&reader, "file name")
    guard !name.isEmpty else { throw WireError(.malformed, "file name", at: 2) }
    guard let mode = TransferMode(rawValue: try text(&reader, "mode").lowercased()) else {
      throw WireError(.unsupported, "mode", at: reader.offset)
    }
    return Request(direction, name, mode: mode, options: try decodeOptions(&reader))
  }

  /// Pairs of strings. An option that is named twice counts once, as its first mention says (RFC 2347 §2 forbids two).
  private static func decodeOptions(_ reader: inout WireReader) throws(WireError) -> [TransferOption] {
    var options: [TransferOption] = []
    while !reader.isAtEnd {
      let name = try text(&reader, "option name").lowercased()
      // Some boot ROMs fill the packet up with NULs.
      if name.isEmpty { break }
      let value = try text(&reader, "option value")
      if !options.contains(where: { $0.name == name }) { options.append(TransferOption(name, value)) }
    }
    return options
  }

  /// A string up to its NUL: UTF-8, without control characters, which no file name or option needs and which would
  /// only confuse logs and terminals.
  private static func text(_ reader: inout WireReader, _ subject: StaticString) throws(WireError) -> String {
    let start = reader.offset
    var length = 0
    while let byte = reader.bytes.byte(at: start + length), byte != 0 {
      guard byte >= 0x20, byte != 0x7F else { throw WireError(.malformed, subject, at: start + length) }
      length += 1
    }
    let bytes = try reader.readBytes(length, subject)
    _ = try reader.readUInt8(subject)
    guard let text = String(validating: bytes, as: UTF8.self) else { throw WireError(.malformed, subject, at: start) }
    return text
  }

  /// The words of an ERROR, with or without the NUL that they should end with; at most 200 bytes of them.
  private static func lenientText(_ reader: inout WireReader) -> String {
    var bytes: [UInt8] = []
    while bytes.count < 200, let byte = try? reader.readUInt8("message"), byte != 0 {
      bytes.append(byte >= 0x20 && byte != 0x7F ? byte : UInt8(ascii: "?"))
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension Request {
  /// The datagram; `.tooLong` over 512 bytes, `.malformed` where a string holds a NUL.
  public func encoded() throws(WireError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(direction == .read ? Opcode.readRequest.rawValue : Opcode.writeRequest.rawValue)
    for text in [fileName, mode.rawValue] + options.flatMap({ [$0.name, $0.value] }) {
      guard !text.utf8.contains(0) else { throw WireError(.malformed, "request") }
      bytes.append(contentsOf: text.utf8)
      bytes.append(0)
    }
    guard bytes.count <= Packet.maximumRequestLength else { throw WireError(.tooLong, "request") }
    return bytes
  }
}

extension Packet {
  /// An ERROR datagram; the message is cut to 200 bytes.
  public static func encodedError(_ code: ErrorCode, _ message: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(Opcode.error.rawValue)
    bytes.appendInteger(code.rawValue)
    bytes.append(contentsOf: message.utf8.lazy.filter { $0 != 0 }.prefix(200))
    bytes.append(0)
    return bytes
  }

  /// An ACK datagram.
  public static func encodedAcknowledgement(_ block: UInt16) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(Opcode.acknowledgement.rawValue)
    bytes.appendInteger(block)
    return bytes
  }

  /// An OACK datagram (RFC 2347).
  public static func encodedOptions(_ options: [TransferOption]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(Opcode.optionAcknowledgement.rawValue)
    for text in options.lazy.flatMap({ [$0.name, $0.value] }) {
      bytes.append(contentsOf: text.utf8.lazy.filter { $0 != 0 })
      bytes.append(0)
    }
    return bytes
  }

  /// The four bytes before a block's data, as one number in network byte order.
  public static func dataHeader(_ block: UInt64) -> UInt32 {
    UInt32(Opcode.data.rawValue) << 16 | UInt32(UInt16(truncatingIfNeeded: block))
  }
}
