import Compression
import Glibc
import HTTPCore
import Synchronization
import Transport

/// Which files are worth compressing, and how.
enum FileCompression {
  /// Below this the head is most of the message.
  static let smallest: Int64 = 256
  /// Above this a file is sent as it is: compressing it again for each client costs more than the line.
  static let largest: Int64 = 64 * 1024 * 1024

  /// Codings of files that stand ready beside the original, best first.
  static let prepared: [(coding: ContentCoding, suffix: StaticString, value: StaticString)] = [
    (.br, ".br", "br"), (.zstd, ".zst", "zstd"), (.gzip, ".gz", "gzip"),
  ]

  /// Whether content of a type shrinks: text and what is made of text.
  static func helps(_ type: StaticString) -> Bool {
    let text = "\(type)".prefix { $0 != ";" }
    if text.hasPrefix("text/") || text.hasSuffix("+xml") || text.hasSuffix("+json") { return true }
    switch text {
    case "application/json", "application/xml", "application/wasm", "image/bmp", "font/ttf", "font/otf",
      "image/vnd.microsoft.icon", "application/x-tar":
      return true
    default: return false
    }
  }

  /// Codings that we make ourselves, best first for a client that takes them all alike: Zstandard costs the least.
  static let made: [ContentCoding] = [.zstd, .br, .gzip]

  /// A compressor for a coding; `nil` when there is none, or no memory.
  static func compressor(_ coding: ContentCoding) -> (any StreamCompressor)? {
    switch coding {
    case .identity: nil
    case .gzip: try? Deflater(.gzip)
    case .br: try? BrotliCompressor()
    case .zstd: try? ZstdCompressor()
    }
  }

  /// Content in memory in a coding; `nil` when it is no smaller.
  static func pack(_ bytes: [UInt8], _ coding: ContentCoding) -> [UInt8]? {
    guard let packed = try? compressor(coding)?.whole(bytes), packed.count < bytes.count else { return nil }
    return packed
  }
}

/// A file that is compressed while it is sent.
final class CompressedStream: HTTPContentStream {
  private static let step = 131_072

  private let file: OpenFile
  private let size: Int64
  private let compressor: any StreamCompressor
  private let offset = Mutex<Int64>(0)

  /// `nil` when there is no memory.
  init?(_ file: OpenFile, size: Int64, _ coding: ContentCoding) {
    guard let compressor = FileCompression.compressor(coding) else { return nil }
    self.file = file
    self.size = size
    self.compressor = compressor
  }

  /// One caller at a time: the session asks for the next piece when it has this one.
  func next(atMost limit: Int) async throws -> [UInt8] {
    var output: [UInt8] = []
    while output.isEmpty {
      let start = offset.withLock { $0 }
      guard start <= size else { return [] }
      let wanted = Int(min(Int64(Self.step), size - start))
      let piece = [UInt8](unsafeUninitializedCapacity: wanted) { memory, count in
        count = max(0, pread(file.descriptor, memory.baseAddress, wanted, off_t(start)))
      }
      guard piece.count == wanted else { throw CompressionFailure.fileChanged }
      let isLast = start + Int64(wanted) == size
      try compressor.compress(piece.span.bytes, isLast ? .finish : .none, into: &output)
      offset.withLock { $0 = isLast ? size + 1 : start + Int64(wanted) }
    }
    return output
  }

  enum CompressionFailure: Error { case fileChanged }
}
