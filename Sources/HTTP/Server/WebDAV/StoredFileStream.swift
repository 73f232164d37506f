import HTTPCore
import Services
import Synchronization

/// A part of a stored file, read while it is sent.
final class StoredFileStream: HTTPContentStream {
  private let file: any OpenedFile
  private let rest: Mutex<Range<Int64>>

  init(_ file: any OpenedFile, _ range: Range<Int64>) {
    self.file = file
    rest = Mutex(range)
  }

  func next(atMost limit: Int) async throws -> [UInt8] {
    let range = rest.withLock { $0 }
    guard !range.isEmpty else { return [] }
    let file = file
    let wanted = min(limit, Int(clamping: range.count))
    let bytes = try await FilesSite.blocking {
      var failure: FileError?
      let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { memory, count in
        count = 0
        do throws(FileError) {
          count = try file.read(into: UnsafeMutableRawBufferPointer(memory), at: UInt64(clamping: range.lowerBound))
        } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      return bytes
    }
    // Shorter than it was: the message can't be completed.
    guard !bytes.isEmpty else { throw FileError.failure(0) }
    rest.withLock { $0 = (range.lowerBound + Int64(bytes.count))..<range.upperBound }
    return bytes
  }
}
