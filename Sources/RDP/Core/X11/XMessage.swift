import WireKit

/// What an X server says of itself at the begin of a connection.
public struct XSetup: Sendable, Hashable {
  public var resourceBase: UInt32
  public var firstKeycode: UInt8
  public var lastKeycode: UInt8
  /// The first screen.
  public var root: UInt32
  public var width: Int
  public var height: Int
  public var depth: UInt8
}

/// Takes the messages of an X server out of its bytes.
public enum XMessage: Sendable, Hashable {
  case setup(XSetup)
  /// The connection was refused, and why.
  case refused(String)
  /// A reply to the request with this number (its lower 16 bits): the whole of it, its 32 bytes of header included.
  case reply(sequence: UInt16, [UInt8])
  case error(code: UInt8, sequence: UInt16)
  /// An event: its code without the bit of SendEvent, and its 32 bytes.
  case event(code: UInt8, [UInt8])

  /// Bytes of a message at most: an image of the largest desktop, and its header.
  public static let maximumSize = 64 << 20

  /// The first message in `bytes`, and how long it is; `nil` while it isn't whole.
  public static func first(
    in bytes: RawSpan, expectsSetup: Bool
  ) throws(WireError) -> (message: XMessage, length: Int)? {
    expectsSetup ? try setup(bytes) : try ordinary(bytes)
  }

  private static func ordinary(_ bytes: RawSpan) throws(WireError) -> (message: XMessage, length: Int)? {
    guard bytes.byteCount >= 32 else { return nil }
    var reader = WireReader(bytes)
    let type = try reader.readUInt8("X message")
    let detail = try reader.readUInt8("X detail")
    let sequence: UInt16 = try reader.readLittleEndian("X sequence")
    let units: UInt32 = try reader.readLittleEndian("X length")
    switch type {
    case 0: return (.error(code: detail, sequence: sequence), 32)
    // A generic event (35) is longer, as a reply is.
    case 1, 35:
      guard units <= UInt32(maximumSize / 4) else { throw WireError(.tooLong, "X reply") }
      let length = 32 + 4 * Int(units)
      guard bytes.byteCount >= length else { return nil }
      let whole = bytes.extracting(0..<length).copied()
      return (type == 1 ? .reply(sequence: sequence, whole) : .event(code: type, whole), length)
    default: return (.event(code: type & 0x7F, bytes.extracting(0..<32).copied()), 32)
    }
  }

  private static func setup(_ bytes: RawSpan) throws(WireError) -> (message: XMessage, length: Int)? {
    guard bytes.byteCount >= 8 else { return nil }
    var reader = WireReader(bytes)
    let status = try reader.readUInt8("X status")
    let reason = Int(try reader.readUInt8("X reason"))
    try reader.skip(4, "X version")
    let length = 8 + 4 * Int(try reader.readLittleEndian("X length", as: UInt16.self))
    guard bytes.byteCount >= length else { return nil }
    guard status == 1 else {
      let text = try reader.readBytes(min(reason, length - 8), "X reason")
      return (.refused(String(decoding: text, as: UTF8.self)), length)
    }
    var body = WireReader(bytes.extracting(8..<length))
    try body.skip(4, "X release")
    let base: UInt32 = try body.readLittleEndian("X resource base")
    try body.skip(8, "X resource mask")
    let vendor = Int(try body.readLittleEndian("X vendor length", as: UInt16.self))
    try body.skip(2, "X request length")
    let screens = try body.readUInt8("X screens")
    let formats = Int(try body.readUInt8("X formats"))
    let order = try body.readUInt8("X image order")
    try body.skip(3, "X bitmaps")
    let (first, last) = (try body.readUInt8("X keycode"), try body.readUInt8("X keycode"))
    try body.skip(4 + (vendor + 3) / 4 * 4 + 8 * formats, "X vendor")
    guard screens > 0, order == 0, first >= 8, first <= last else { throw WireError(.unsupported, "X setup") }
    let root: UInt32 = try body.readLittleEndian("X root")
    try body.skip(16, "X screen")
    let width = Int(try body.readLittleEndian("X width", as: UInt16.self))
    let height = Int(try body.readLittleEndian("X height", as: UInt16.self))
    try body.skip(14, "X screen")
    let depth = try body.readUInt8("X depth")
    return (
      .setup(
        XSetup(
          resourceBase: base, firstKeycode: first, lastKeycode: last, root: root, width: width, height: height,
          depth: depth)), length
    )
  }
}
