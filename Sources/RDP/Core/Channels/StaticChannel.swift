import WireKit

/// A static virtual channel (MS-RDPBCGR 2.2.6): messages in chunks of 1,600 bytes at most.
struct StaticChannel: Sendable {
  static let chunk = 1600

  let number: UInt16
  /// Bytes of a message from the client.
  let limit: Int
  private var message: [UInt8] = []
  private var total = 0
  private var isOpen = false

  init(number: UInt16, limit: Int) {
    self.number = number
    self.limit = limit
  }

  /// Takes a chunk; the message, once it is whole. A message over the limit is passed over to its end.
  mutating func take(_ data: RawSpan) throws(WireError) -> [UInt8]? {
    var reader = WireReader(data)
    let length: UInt32 = try reader.readLittleEndian("channel length")
    let flags: UInt32 = try reader.readLittleEndian("channel flags")
    // Compression was not offered.
    guard flags & 0x0020_0000 == 0 else { throw WireError(.unsupported, "compressed channel data") }
    if flags & 1 != 0 {
      (message, total) = ([], Int(length))
      isOpen = total <= limit
    }
    guard isOpen else { return nil }
    guard reader.remaining <= total - message.count else {
      isOpen = false
      throw WireError(.outOfBounds, "channel data")
    }
    message += try reader.readBytes(reader.remaining, "channel data")
    guard flags & 2 != 0 else { return nil }
    isOpen = false
    guard message.count == total else { throw WireError(.truncated, "channel data") }
    defer { message = [] }
    return message
  }

  /// Appends a message to the client, cut into chunks.
  func append(_ bytes: [UInt8], into output: inout [UInt8]) {
    var start = 0
    repeat {
      let end = min(start + Self.chunk, bytes.count)
      let flags: UInt32 = (start == 0 ? 1 : 0) | (end == bytes.count ? 2 : 0) | 0x10
      output.appendSendDataIndication(channel: number) { chunk in
        chunk.appendLittleEndian(UInt32(clamping: bytes.count))
        chunk.appendLittleEndian(flags)
        chunk += bytes[start..<end]
      }
      start = end
    } while start < bytes.count
  }
}
