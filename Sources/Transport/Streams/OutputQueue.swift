import Glibc
import NIOCore

/// What a connection still has to write, in order: bytes and parts of files.
///
/// Writes stop while the channel is not writable, so at most a read's worth of a file is in memory.
final class OutputQueue {
  private enum Entry {
    case bytes(ByteBuffer)
    case file(OpenFile, Range<Int64>)
  }

  /// Files are read in pieces of this many bytes where they can't be handed to the kernel: eight TLS records.
  private static let pieceSize: Int64 = 128 * 1024
  /// Below this a copy is cheaper than a system call of its own.
  private static let smallestFileRegion: Int64 = 64 * 1024

  private var entries = CircularBuffer<Entry>()
  /// Bytes that were written last and may still be appended to.
  private var tail = ByteBuffer()
  /// Whether something was written to the channel since this was last reset; a flush is due.
  var wroteToChannel = false
  /// Bytes that were written to the channel since this was last reset.
  var bytesWritten = 0

  var isEmpty: Bool { entries.isEmpty && tail.readableBytes == 0 }

  func append(bytes: [UInt8], _ range: Range<Int>) {
    tail.writeBytes(bytes[range])
  }

  func append(_ source: BodySource, _ range: Range<Int64>) {
    guard !range.isEmpty else { return }
    closeTail()
    switch source {
    case .file(let file): entries.append(.file(file, range))
    case .bytes(let buffer):
      guard
        let slice = buffer.getSlice(
          at: buffer.readerIndex + Int(range.lowerBound), length: Int(range.upperBound - range.lowerBound))
      else { preconditionFailure("a session sent more of a body than there is") }
      entries.append(.bytes(slice))
    }
  }

  func removeAll() {
    entries.removeAll()
    tail.clear()
  }

  /// Writes while the channel takes it, or `all` in any case. Returns `false` when a file is shorter than was promised: the connection can't
  /// go on then.
  func write(to context: ChannelHandlerContext, sendingFiles: Bool, all: Bool) -> Bool {
    while all || context.channel.isWritable {
      guard let entry = entries.first else {
        if tail.readableBytes > 0 {
          put(.byteBuffer(tail), context)
          tail = ByteBuffer()
        }
        return true
      }
      switch entry {
      case .bytes(let buffer):
        entries.removeFirst()
        put(.byteBuffer(buffer), context)
      case .file(let file, let range):
        if sendingFiles, range.upperBound - range.lowerBound >= Self.smallestFileRegion {
          entries.removeFirst()
          send(file, range, context)
        } else if !writePiece(of: file, range, context) {
          return false
        }
      }
    }
    return true
  }

  private func closeTail() {
    guard tail.readableBytes > 0 else { return }
    entries.append(.bytes(tail))
    tail = ByteBuffer()
  }

  private func put(_ data: IOData, _ context: ChannelHandlerContext) {
    wroteToChannel = true
    bytesWritten += data.readableBytes
    context.write(NIOAny(data), promise: nil)
  }

  /// Hands a part of a file to the kernel. The handle only borrows the descriptor: `file` keeps it open until then.
  private func send(_ file: OpenFile, _ range: Range<Int64>, _ context: ChannelHandlerContext) {
    let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file.descriptor)
    let region = FileRegion(
      fileHandle: handle, readerIndex: Int(range.lowerBound), endIndex: Int(range.upperBound))
    wroteToChannel = true
    bytesWritten += region.readableBytes
    context.write(NIOAny(IOData.fileRegion(region))).whenComplete { _ in
      withExtendedLifetime(file) { _ = try? handle.takeDescriptorOwnership() }
    }
  }

  private func writePiece(of file: OpenFile, _ range: Range<Int64>, _ context: ChannelHandlerContext) -> Bool {
    let length = min(Self.pieceSize, range.upperBound - range.lowerBound)
    var buffer = context.channel.allocator.buffer(capacity: Int(length))
    let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Int(length)) { memory in
      var count = 0
      repeat {
        count = pread(file.descriptor, memory.baseAddress, Int(length), off_t(range.lowerBound))
      } while count < 0
        && errno == EINTR
      return max(0, count)
    }
    guard count > 0 else { return false }
    entries.removeFirst()
    let rest = range.lowerBound + Int64(count)..<range.upperBound
    if !rest.isEmpty { entries.prepend(.file(file, rest)) }
    put(.byteBuffer(buffer), context)
    return true
  }
}
