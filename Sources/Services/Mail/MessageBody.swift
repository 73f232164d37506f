/// The bytes of a message, as they are kept. They are there as long as this is.
public protocol MessageBody: Sendable, AnyObject {
  /// In bytes.
  var size: Int64 { get }

  /// Reads at most as many bytes as the memory holds, from `offset`; 0 at the end. Blocks while the medium works.
  func read(into memory: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StoreError) -> Int

  /// Where the bytes stand in a file, to send them without reading them. `nil` where they stand in no file.
  var place: MessagePlace? { get }
}

/// Where in an open file a message begins. The descriptor is the body's own and open as long as that lives; read it by
/// position only.
public struct MessagePlace: Sendable {
  public let descriptor: Int32
  public let offset: Int64

  public init(descriptor: Int32, offset: Int64) {
    self.descriptor = descriptor
    self.offset = offset
  }
}

extension MessageBody {
  /// A part of the message; shorter when the message ends before. For headers and small parts: it is a copy.
  public func bytes(_ range: Range<Int64>) throws(StoreError) -> [UInt8] {
    let start = max(0, min(range.lowerBound, size))
    let wanted = Int(max(start, min(range.upperBound, size)) - start)
    var failure: StoreError?
    let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { memory, count in
      while count < wanted {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(memory)[count..<wanted])
        do throws(StoreError) {
          let read = try self.read(into: rest, at: start + Int64(count))
          if read == 0 { break }
          count += read
        } catch {
          failure = error
          break
        }
      }
    }
    if let failure { throw failure }
    return bytes
  }
}

/// A message on its way in: bytes are added as they arrive, and belong to nobody before an append.
///
/// It is gone, with its bytes, when nobody refers to it any more. One task at a time.
public protocol StagedMessage: Sendable, AnyObject {
  /// Bytes so far.
  var size: Int64 { get }

  /// Adds bytes. `.full` when the disk is; then it can't be appended any more.
  func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError)

  /// Adds a part of a message that the store has, as CATENATE does (RFC 4469).
  func write(_ body: any MessageBody, _ range: Range<Int64>) throws(StoreError)

  /// What was written, for checks before it is appended: policy, filters, Sieve.
  func body() throws(StoreError) -> any MessageBody
}

extension StagedMessage {
  public func write(_ bytes: [UInt8]) throws(StoreError) {
    var failure: StoreError?
    bytes.withUnsafeBytes { memory in
      do throws(StoreError) { try write(memory) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  public func write(_ text: String) throws(StoreError) { try write(Array(text.utf8)) }

  public func write(_ body: any MessageBody, _ range: Range<Int64>) throws(StoreError) {
    var offset = max(0, range.lowerBound)
    let end = min(range.upperBound, body.size)
    while offset < end {
      let piece = try body.bytes(offset..<min(end, offset + 65_536))
      if piece.isEmpty { throw StoreError(.corrupt, "a body ends before its size") }
      try write(piece)
      offset += Int64(piece.count)
    }
  }
}
