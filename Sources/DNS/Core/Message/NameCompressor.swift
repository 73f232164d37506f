import WireKit

/// Writes names into a message with pointers to what stands there already (RFC 1035 §4.1.4).
///
/// For messages that are built now and then; the responder's own hot path has its compression prepared in the zone.
struct NameCompressor {
  /// Where each suffix, in lower case, was first written. Pointers reach the first 16,384 octets.
  private var offsets: [[UInt8]: Int] = [:]

  mutating func append(_ name: Name, to message: inout [UInt8]) {
    let lowered = name.wire.map(\.asciiLowercased)
    for start in name.labelOffsets {
      let suffix = Array(lowered[start...])
      if let offset = offsets[suffix] {
        message.appendInteger(UInt16(0xC000 | offset))
        return
      }
      if message.count < 0x4000 { offsets[suffix] = message.count }
      message.append(contentsOf: name.wire[start...(start + Int(name.wire[start]))])
    }
    message.append(0)
  }
}
