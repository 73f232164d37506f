import Compression
import FTPCore
import FTPData
import Glibc
import NIOCore
import NIOPosix
import Services
import Synchronization

/// A file, or a part of one, on its way out.
final class Download: Sendable {
  /// Files up to this size are read when they are opened: the answer has a thread at hand then.
  private static let smallFile: UInt64 = 64 * 1024
  private static let pieceSize = 256 * 1024
  /// What the kernel is asked to send at once: also the most that a slow client takes within the time to stall.
  private static let regionSize = 1 << 20

  let path: FilePath
  private let file: any OpenedFile
  private let range: Range<UInt64>
  private let transfer: FTPTransfer
  private let content: [UInt8]?

  private init(
    path: FilePath, file: any OpenedFile, range: Range<UInt64>, transfer: FTPTransfer, content: [UInt8]?
  ) {
    self.path = path
    self.file = file
    self.range = range
    self.transfer = transfer
    self.content = content
  }

  /// Bytes that will travel, where that is known.
  var size: UInt64? { transfer.isText || transfer.compression != nil ? nil : UInt64(range.count) }

  /// Whether its bytes are in memory, as they will travel.
  var isAtHand: Bool { content != nil && !transfer.isText && transfer.compression == nil }

  /// Writes to a socket that does not block, as much as it takes at once. Returns how many bytes that were; an error is for the
  /// next write to find.
  func sendAtOnce(over descriptor: Int32) -> Int {
    guard let content, isAtHand, !content.isEmpty else { return 0 }
    return max(
      0, content.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) })
  }

  /// Opens the file. Blocks while the medium works.
  static func open(
    _ bytes: [UInt8], from first: UInt64, through last: UInt64?, _ transfer: FTPTransfer, _ control: FTPControl
  ) throws -> Download {
    let (files, path) = try control.place(bytes)
    let file = try files.open(path, .read, permissions: 0)
    let size = try file.attributes().size
    guard first <= size else { throw FTPFailure.restartBeyondEnd }
    let end = last.map { min(size, $0 == .max ? .max : $0 + 1) } ?? size
    let range = first..<max(first, end)
    var content: [UInt8]?
    if UInt64(range.count) <= smallFile { content = try read(file, range.lowerBound, Int(range.count)) }
    return Download(path: path, file: file, range: range, transfer: transfer, content: content)
  }

  /// Sends it. A file that shrinks meanwhile ends the transfer with an error, not with an end that looks right.
  ///
  /// - Parameter sent: Bytes at the front that have been sent already.
  func send(
    over data: DataConnection, isEncrypted: Bool, after sent: Int = 0, pool: NIOThreadPool, moved: (Int) -> Void
  ) async throws {
    if transfer.isText || transfer.compression != nil {
      return try await sendConverted(over: data, pool: pool, moved: moved)
    }
    if let content {
      guard content.count > sent else { return moved(content.count) }
      try await data.send(.byteBuffer(ByteBuffer(bytes: content[sent...])))
      return moved(content.count)
    }
    if !isEncrypted, let file = file as? any DescriptorBackedFile {
      return try await sendByKernel(file, after: sent, over: data, moved: moved)
    }
    var place = range.lowerBound
    while place < range.upperBound {
      let count = Int(min(UInt64(Self.pieceSize), range.upperBound - place))
      let (file, at) = (file, place)
      let buffer = try await pool.runIfActive { try Self.readBuffer(file, at, count) }
      guard buffer.readableBytes > 0 else { throw FTPFailure.local }
      try await data.send(.byteBuffer(buffer))
      place += UInt64(buffer.readableBytes)
      moved(buffer.readableBytes)
    }
  }

  /// Whether the kernel can send it, from file to socket.
  var isSentByKernel: Bool {
    content == nil && !transfer.isText && transfer.compression == nil && file is any DescriptorBackedFile
  }

  /// One turn of that, on a thread that may wait.
  ///
  /// - Parameter sent: Bytes at the front that have been sent already.
  func sendByKernel(after sent: UInt64, over socket: DataSocket) throws -> DirectTransfer.Turn {
    guard let file = file as? any DescriptorBackedFile else { throw FTPFailure.local }
    return try DirectTransfer.send(
      file, min(range.upperBound, range.lowerBound + sent)..<range.upperBound, over: socket)
  }

  private func sendByKernel(
    _ file: any DescriptorBackedFile, after sent: Int, over data: DataConnection, moved: (Int) -> Void
  ) async throws {
    // The handle only borrows the descriptor: `file` keeps it open until all has been sent.
    let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: file.descriptorNumber)
    defer { withExtendedLifetime(file) { _ = try? handle.takeDescriptorOwnership() } }
    var place = range.lowerBound + UInt64(sent)
    while place < range.upperBound {
      let end = min(range.upperBound, place + UInt64(Self.regionSize))
      guard let from = Int(exactly: place), let to = Int(exactly: end) else { throw FTPFailure.tooLarge }
      try await data.send(.fileRegion(FileRegion(fileHandle: handle, readerIndex: from, endIndex: to)))
      moved(to - from)
      place = end
    }
  }

  private func sendConverted(
    over data: DataConnection, pool: NIOThreadPool, moved: (Int) -> Void
  ) async throws {
    let converter = try OutboundConverter(transfer)
    var place = range.lowerBound
    while place < range.upperBound {
      let count = Int(min(UInt64(Self.pieceSize), range.upperBound - place))
      let (file, at) = (file, place)
      let (output, got) = try await pool.runIfActive {
        let bytes = try Self.read(file, at, count)
        return (try converter.convert(bytes), bytes.count)
      }
      guard got > 0 else { throw FTPFailure.local }
      place += UInt64(got)
      if !output.isEmpty { try await data.send(.byteBuffer(ByteBuffer(bytes: output))) }
      moved(got)
    }
    let rest = try converter.finish()
    if !rest.isEmpty { try await data.send(.byteBuffer(ByteBuffer(bytes: rest))) }
  }

  private static func read(_ file: any OpenedFile, _ offset: UInt64, _ count: Int) throws(FileError) -> [UInt8] {
    var failure: FileError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, got in
      while got < count, failure == nil {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(memory)[got..<count])
        do throws(FileError) {
          let more = try file.read(into: rest, at: offset + UInt64(got))
          if more == 0 { break }
          got += more
        } catch {
          failure = error
        }
      }
    }
    if let failure { throw failure }
    return bytes
  }

  private static func readBuffer(_ file: any OpenedFile, _ offset: UInt64, _ count: Int) throws(FileError) -> ByteBuffer
  {
    var failure: FileError?
    var buffer = ByteBufferAllocator().buffer(capacity: count)
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
      do throws(FileError) {
        return try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory.prefix(count)), at: offset)
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    return buffer
  }
}

/// Line ends and compression on the way out. One piece at a time.
final class OutboundConverter: Sendable {
  private struct State {
    var encoder: ASCIIEncoder?
    var deflater: Deflater?
  }

  private let state: Mutex<State>

  init(_ transfer: FTPTransfer) throws(CompressionError) {
    let deflater: Deflater? =
      if let level = transfer.compression { try Deflater(.zlib, level: Int32(level)) } else { nil }
    state = Mutex(State(encoder: transfer.isText ? ASCIIEncoder() : nil, deflater: deflater))
  }

  func convert(_ bytes: [UInt8]) throws(CompressionError) -> [UInt8] {
    try state.withLock { state throws(CompressionError) in
      var lines = bytes
      if state.encoder != nil {
        lines = []
        bytes.withUnsafeBytes { state.encoder?.encode($0, into: &lines) }
      }
      guard let deflater = state.deflater else { return lines }
      return try deflater.compress(lines)
    }
  }

  func finish() throws(CompressionError) -> [UInt8] {
    try state.withLock { state throws(CompressionError) in
      guard let deflater = state.deflater else { return [] }
      return try deflater.compress([], .finish)
    }
  }
}
