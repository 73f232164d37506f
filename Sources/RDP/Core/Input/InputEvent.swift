import WireKit

/// What a person did with keyboard and mouse (MS-RDPBCGR 2.2.8.1).
public enum InputEvent: Sendable, Hashable {
  /// A key by its place: a set 1 scancode, with the prefix E0 (`isExtended`) or E1.
  case key(scancode: UInt8, isExtended: Bool, isExtended1: Bool, isReleased: Bool)
  /// A character's UTF-16 code unit, from an on-screen keyboard or an input method.
  case unicode(UInt16, isReleased: Bool)
  /// The mouse: PTRFLAGS and where, in pixels.
  case mouse(flags: UInt16, x: UInt16, y: UInt16)
  /// Buttons four and five.
  case extendedMouse(flags: UInt16, x: UInt16, y: UInt16)
  /// The lock keys: bit 0 scroll, 1 num, 2 caps, 3 kana.
  case synchronize(toggles: UInt8)
}

/// Takes events out of packets. A number of events that does not fit, or an unknown code, ends the packet there.
enum InputCodec {
  /// Fast-path input (2.2.8.1.2), from the bytes behind the length.
  static func fastPath(
    first: UInt8, _ body: RawSpan, _ each: (InputEvent) -> Void
  ) throws(WireError) {
    guard first & 0xC0 == 0 else { throw WireError(.unsupported, "encrypted input") }
    var reader = WireReader(body)
    var count = Int(first >> 2 & 0xF)
    if count == 0 { count = Int(try reader.readUInt8("event count")) }
    for _ in 0..<count {
      let header = try reader.readUInt8("event header")
      let flags = header & 0x1F
      switch header >> 5 {
      case 0:
        each(
          .key(
            scancode: try reader.readUInt8("scancode"), isExtended: flags & 2 != 0, isExtended1: flags & 4 != 0,
            isReleased: flags & 1 != 0))
      case 1: each(try mouse(&reader, extended: false))
      case 2: each(try mouse(&reader, extended: true))
      case 3: each(.synchronize(toggles: flags & 0xF))
      case 4: each(.unicode(try reader.readLittleEndian("character"), isReleased: flags & 1 != 0))
      case 5: try reader.skip(6, "relative mouse")
      case 6: try reader.skip(4, "timestamp")
      default: throw WireError(.unsupported, "event code", at: reader.offset)
      }
    }
  }

  /// Slow-path input (2.2.8.1.1.3), from the body of an input packet.
  static func slowPath(_ body: RawSpan, _ each: (InputEvent) -> Void) throws(WireError) {
    var reader = WireReader(body)
    let count: UInt16 = try reader.readLittleEndian("event count")
    try reader.skip(2, "padding")
    for _ in 0..<Int(count) {
      try reader.skip(4, "event time")
      let type: UInt16 = try reader.readLittleEndian("event type")
      switch type {
      case 0:
        try reader.skip(2, "padding")
        each(.synchronize(toggles: UInt8(truncatingIfNeeded: try reader.readLittleEndian("toggles", as: UInt32.self))))
      case 4:
        let flags: UInt16 = try reader.readLittleEndian("keyboard flags")
        let code: UInt16 = try reader.readLittleEndian("scancode")
        try reader.skip(2, "padding")
        each(
          .key(
            scancode: UInt8(truncatingIfNeeded: code), isExtended: flags & 0x0100 != 0,
            isExtended1: flags & 0x0200 != 0, isReleased: flags & 0x8000 != 0))
      case 5:
        let flags: UInt16 = try reader.readLittleEndian("keyboard flags")
        let code: UInt16 = try reader.readLittleEndian("character")
        try reader.skip(2, "padding")
        each(.unicode(code, isReleased: flags & 0x8000 != 0))
      case 0x8001: each(try mouse(&reader, extended: false))
      case 0x8002: each(try mouse(&reader, extended: true))
      case 2: try reader.skip(6, "unused event")
      default: throw WireError(.unsupported, "event type", at: reader.offset)
      }
    }
  }

  private static func mouse(_ reader: inout WireReader, extended: Bool) throws(WireError) -> InputEvent {
    let flags: UInt16 = try reader.readLittleEndian("pointer flags")
    let x: UInt16 = try reader.readLittleEndian("x")
    let y: UInt16 = try reader.readLittleEndian("y")
    return extended ? .extendedMouse(flags: flags, x: x, y: y) : .mouse(flags: flags, x: x, y: y)
  }
}
