import Crypto
import SFTPCore
import Services
import WireKit

/// Extensions of ProFTPD's set (draft-ietf-secsh-filexfer-extensions).
extension SFTPService {
  /// Bytes of the device, bytes free on it, bytes of the peer's, bytes free for it, and of a block.
  func available(_ bytes: [UInt8], _ id: UInt32, _ output: inout SFTPOutput) throws(FileError) {
    let space = try store.space(at: try path(bytes))
    func product(_ blocks: UInt64) -> UInt64 {
      let (bytes, overflow) = blocks.multipliedReportingOverflow(by: space.fragmentSize)
      return overflow ? .max : bytes
    }
    SFTPResponse.extended(id, &output.tail) {
      for number in [
        product(space.blocks), product(space.freeBlocks), product(space.blocks), product(space.availableBlocks),
      ] { $0.appendInteger(number) }
      $0.appendInteger(UInt32(clamping: space.fragmentSize))
    }
  }

  /// Bytes of sums in one answer.
  private static let maximumSums = 240 * 1024
  /// The smallest block that the draft allows.
  private static let smallestBlock: UInt32 = 256

  func checkFile(
    _ check: SFTPRequest.CheckFile, _ id: UInt32, _ output: inout SFTPOutput
  ) throws(FileError) {
    guard let (name, make) = Self.hash(check.algorithms) else { throw .unsupported }
    guard check.blockSize == 0 || check.blockSize >= Self.smallestBlock else { throw .invalidName }
    let file: any OpenedFile =
      switch check.file {
      case .path(let bytes): try store.open(try path(bytes), .read, permissions: 0)
      case .handle(let handle): try self.file(handle)
      }
    let size = try file.attributes().size
    guard check.offset <= size else { throw .invalidName }
    let (wanted, overflow) = check.offset.addingReportingOverflow(check.length)
    let end = check.length == 0 || overflow ? size : min(size, wanted)
    let block = check.blockSize == 0 ? .max : UInt64(check.blockSize)
    var sums: [UInt8] = []
    var place = check.offset
    repeat {
      let rest = end - place
      var hash = make()
      try Self.update(&hash, with: file, from: place, count: min(block, rest))
      sums += hash.sum()
      guard sums.count <= Self.maximumSums else { throw .tooLarge }
      place += min(block, rest)
    } while place < end
    SFTPResponse.extended(id, &output.tail) {
      // Other servers name the extension here, and clients skip it.
      $0.appendSFTPString("check-file".utf8)
      $0.appendSFTPString(name.utf8)
      $0 += sums
    }
  }

  /// The first of the wanted functions that there is. MD5 and SHA-1 find accidents, no forgeries.
  private static func hash(_ names: [String]) -> (name: String, make: () -> any FileSum)? {
    for name in names {
      switch name {
      case "sha256": return (name, { SHA256() })
      case "sha384": return (name, { SHA384() })
      case "sha512": return (name, { SHA512() })
      case "sha1": return (name, { Insecure.SHA1() })
      case "md5": return (name, { Insecure.MD5() })
      default: continue
      }
    }
    return nil
  }

  private static func update(
    _ hash: inout any FileSum, with file: any OpenedFile, from offset: UInt64, count: UInt64
  ) throws(FileError) {
    var buffer = [UInt8](repeating: 0, count: Int(min(count, 256 * 1024)))
    var done: UInt64 = 0
    while done < count {
      let wanted = Int(min(UInt64(buffer.count), count - done))
      let result = buffer.withUnsafeMutableBytes { memory -> Result<Int, FileError> in
        do throws(FileError) {
          let got = try file.read(
            into: UnsafeMutableRawBufferPointer(rebasing: memory.prefix(wanted)), at: offset + done)
          hash.add(UnsafeRawBufferPointer(rebasing: memory.prefix(got)))
          return .success(got)
        } catch {
          return .failure(error)
        }
      }
      let got = try result.get()
      // It has become shorter meanwhile.
      if got == 0 { return }
      done += UInt64(got)
    }
  }
}

/// A hash function under way.
private protocol FileSum {
  mutating func add(_ bytes: UnsafeRawBufferPointer)
  func sum() -> [UInt8]
}

extension FileSum where Self: HashFunction {
  mutating func add(_ bytes: UnsafeRawBufferPointer) { update(bufferPointer: bytes) }
  func sum() -> [UInt8] { Array(finalize()) }
}

extension SHA256: FileSum {}
extension SHA384: FileSum {}
extension SHA512: FileSum {}
extension Insecure.SHA1: FileSum {}
extension Insecure.MD5: FileSum {}
