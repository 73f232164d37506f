import WireKit

/// The client's window has another size (MS-RDPEDISP).
enum DisplayControl {
  /// DISPLAYCONTROL_CAPS_PDU (2.2.2.1): one monitor, of so many pixels at most.
  static func capabilities(_ limits: RDPLimits) -> [UInt8] {
    var message: [UInt8] = []
    for value in [5, 20, 1, limits.maximumWidth, limits.maximumHeight] {
      message.appendLittleEndian(UInt32(clamping: value))
    }
    return message
  }

  /// The size of the primary monitor in a DISPLAYCONTROL_MONITOR_LAYOUT_PDU (2.2.2.2); `nil` for other messages.
  static func size(in message: [UInt8]) throws(WireError) -> (width: Int, height: Int)? {
    let span = message.span.bytes
    var reader = WireReader(span)
    guard try reader.readLittleEndian("display type", as: UInt32.self) == 2 else { return nil }
    try reader.skip(4, "display length")
    guard try reader.readLittleEndian("monitor size", as: UInt32.self) == 40 else {
      throw WireError(.malformed, "monitor size")
    }
    let count = try Unverified(reader.readLittleEndian("monitor count", as: UInt32.self))
      .verified(in: 1...16, "monitor count")
    var first: (Int, Int)?
    for _ in 0..<count {
      let flags: UInt32 = try reader.readLittleEndian("monitor flags")
      try reader.skip(8, "monitor place")
      let width = Int(try reader.readLittleEndian("monitor width", as: UInt32.self))
      let height = Int(try reader.readLittleEndian("monitor height", as: UInt32.self))
      try reader.skip(20, "monitor")
      if first == nil || flags & 1 != 0 { first = (width, height) }
    }
    return first.map { (width: $0.0, height: $0.1) }
  }
}
