import Gate
import NIOCore
import NIOEmbedded
import WireKit

extension FuzzTarget {
  static let gateFrames = FuzzTarget(
    "gate-frames",
    "However the stream is cut, the same messages come out, and each encodes to a frame that brings it again."
  ) { bytes in
    let input = FuzzInput(bytes)
    try exchange(input, ClientMessage.self)
    try exchange(input, ServerMessage.self)
  }

  private static func exchange<Message: Codable & Sendable>(_ input: FuzzInput, _ type: Message.Type) throws {
    let whole = try messages([input.payload[...]], type)
    let parts = try messages(input.pieces, type)
    try require(whole.count == parts.count, "\(whole.count) messages whole, \(parts.count) in pieces")
    for message in whole {
      guard var frame = Frame.encode(message) else { throw BrokenInvariant("\(message) does not encode") }
      let bytes = frame.readBytes(length: frame.readableBytes) ?? []
      try require(try messages([bytes[...]], type).count == 1, "\(message) does not come again")
    }
  }

  private static func messages<Message: Codable & Sendable>(
    _ pieces: [ArraySlice<UInt8>], _ type: Message.Type
  ) throws -> [Message] {
    var messages: [Message] = []
    let channel = EmbeddedChannel(handler: FrameHandler<Message>(receive: { messages.append($0) }, closed: {}))
    for piece in pieces { _ = try channel.writeInbound(ByteBuffer(bytes: piece)) }
    _ = try? channel.finish()
    return messages
  }
}
