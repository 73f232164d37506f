import NIOCore
import SMTPCore
import Services
import Transport

/// A message as it came: in memory while it is small, staged in the store when it is not.
struct CollectedMessage: Sendable {
  /// Up to here a message stays in memory: nearly all are smaller.
  static let memoryLimit = 256 * 1024

  var body: any MessageBody
  var header: HeaderBlock
  var isEightBit: Bool

  var size: Int64 { body.size }

  /// Takes a body in as it arrives. Throws `RequestBody.CutOff` when it never ends, and what the store throws.
  static func collect(_ body: RequestBody, into store: any MailStore) async throws -> CollectedMessage {
    var memory: [UInt8] = []
    var staged: (any StagedMessage)?
    var isEightBit = false
    for try await chunk in body {
      isEightBit = isEightBit || chunk.readableBytesView.contains { $0 > 0x7F }
      if let staged {
        try chunk.withUnsafeReadableBytes { try staged.write($0) }
      } else if memory.count + chunk.readableBytes <= memoryLimit {
        memory.append(contentsOf: chunk.readableBytesView)
      } else {
        let new = try await store.stage(expecting: nil)
        try new.write(memory)
        try chunk.withUnsafeReadableBytes { try new.write($0) }
        staged = new
      }
    }
    guard let staged else {
      return CollectedMessage(body: MemoryBody(memory), header: HeaderBlock(memory), isEightBit: isEightBit)
    }
    return CollectedMessage(body: try staged.body(), header: HeaderBlock(memory), isEightBit: isEightBit)
  }
}

/// A message in memory.
final class MemoryBody: MessageBody {
  let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var size: Int64 { Int64(bytes.count) }
  var place: MessagePlace? { nil }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StoreError) -> Int {
    guard offset >= 0, offset < size else { return 0 }
    let part = bytes[Int(offset)...].prefix(memory.count)
    memory.copyBytes(from: part)
    return part.count
  }
}

extension MessageBody {
  /// The message from `start` on, piece by piece.
  func forEachPiece(from start: Int64, _ take: ([UInt8]) -> Void) throws(StoreError) {
    var offset = start
    while offset < size {
      let piece = try bytes(offset..<min(size, offset + 64 * 1024))
      if piece.isEmpty { throw StoreError(.corrupt, "a body ends before its size") }
      take(piece)
      offset += Int64(piece.count)
    }
  }
}

/// A message as it goes on: a header that was worked on, and the body that came.
struct PreparedMessage: Sendable {
  /// The whole header, with the empty line.
  var head: [UInt8]
  var body: any MessageBody
  var bodyStart: Int64
  var isEightBit: Bool
  /// Seals it for who comes next, when it is passed on; `nil` for what was not checked when it came.
  var sealing: ARCSealing?

  /// What stands before the header of a message that a recipient's address here passes on; mostly nothing.
  func seal(for recipient: MailAddress, now: WallTime) -> [UInt8] {
    guard let sealing else { return [] }
    var header = HeaderBlock(head)
    header.bodyStart = Int(bodyStart)
    return sealing.seal(header, body: body, domain: recipient.domain.lowercased(), now: now) ?? []
  }

  var range: Range<Int64> { min(bodyStart, body.size)..<body.size }
  var size: Int64 { Int64(head.count) + Int64(range.count) }
}
