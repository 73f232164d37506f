import SSHCore
import Services
import WireKit

/// `scp -f`: gives files and folders.
package struct SCPSource: BlockingService {
  private enum Item {
    case path([UInt8])
    case entry(FilePath)
    case folder(any OpenedDirectory, FilePath)
    case leave
  }

  /// What follows when the client has said that it is well.
  private enum Next {
    case item
    case control(Entry)
    case folder(FilePath)
    case data(Sending)
  }

  private struct Entry {
    var path: FilePath
    var attributes: FileAttributes
    /// `nil` for a folder.
    var file: (any OpenedFile)?
  }

  private struct Sending {
    var file: any OpenedFile
    var path: FilePath
    var offset: UInt64 = 0
    var size: UInt64
    var hasFailed = false
  }

  private static let maximumDepth = 256
  private static let piece: UInt64 = 256 * 1024

  private let command: SCPCommand
  private let files: SCPFiles
  private let highWater: Int
  /// What is still to be sent, the next last.
  private var items: [Item]
  private var next = Next.item
  /// The client has to say something first.
  private var awaits = true
  private var depth = 0
  private var hasFailed = false
  package private(set) var exit: ExitStatus?

  package init(_ command: SCPCommand, _ files: SCPFiles, highWater: Int) {
    self.command = command
    self.files = files
    self.highWater = highWater
    items = command.paths.reversed().map { .path($0) }
  }

  package var hasMore: Bool { !awaits }
  package var exitAtEnd: ExitStatus { .code(1) }

  package mutating func process(_ input: RawSpan, into output: inout SFTPOutput) throws(WireError) -> Int {
    var consumed = 0
    while exit == nil, output.count < highWater {
      if awaits {
        guard let verdict = input.byte(at: consumed) else { return consumed }
        guard verdict != 0 else {
          consumed += 1
          awaits = false
          continue
        }
        guard let end = try lineEnd(input, from: consumed) else { return consumed }
        consumed = end
        hasFailed = true
        // The client does not want this one; 2 ends it all.
        guard verdict == 1 else {
          exit = .code(1)
          return consumed
        }
        next = .item
        awaits = false
      } else {
        step(&output)
      }
    }
    return consumed
  }

  private func lineEnd(_ input: RawSpan, from start: Int) throws(WireError) -> Int? {
    var end = start
    while let byte = input.byte(at: end), byte != 0x0A { end += 1 }
    guard end - start <= 8_192 else { throw WireError(.tooLong, "SCP line") }
    return end < input.byteCount ? end + 1 : nil
  }

  private mutating func step(_ output: inout SFTPOutput) {
    switch next {
    case .data(var sending):
      next = .item
      send(&sending, &output)
    case .control(let entry): announce(entry, &output)
    case .folder(let path):
      next = .item
      depth += 1
      items.append(.leave)
      if let directory = try? files.store.openDirectory(path) {
        items.append(.folder(directory, path))
      } else {
        hasFailed = true
      }
    case .item:
      guard let item = items.popLast() else {
        exit = .code(hasFailed ? 1 : 0)
        return
      }
      take(item, &output)
    }
  }

  private mutating func take(_ item: Item, _ output: inout SFTPOutput) {
    switch item {
    case .path(let bytes):
      do throws(FileError) {
        items += try files.expand(bytes).reversed().map { .entry($0) }
      } catch {
        complain(bytes, error, &output)
      }
    case .entry(let path): begin(path, &output)
    case .folder(let directory, let path):
      guard let entries = try? directory.next(64), !entries.isEmpty else { return }
      items.append(.folder(directory, path))
      for entry in entries where !entry.name.elementsEqual(".".utf8) && !entry.name.elementsEqual("..".utf8) {
        if let inner = path.appending(entry.name) { items.append(.entry(inner)) }
      }
    case .leave:
      depth -= 1
      output.tail += Array("E\n".utf8)
      awaits = true
    }
  }

  private mutating func begin(_ path: FilePath, _ output: inout SFTPOutput) {
    do throws(FileError) {
      let attributes = try files.store.attributes(of: path, followingLinks: true)
      var entry = Entry(path: path, attributes: attributes, file: nil)
      if attributes.kind == .directory {
        guard command.isRecursive else { throw .isDirectory }
        guard depth < Self.maximumDepth else { throw .escapes }
      } else {
        entry.file = try files.store.open(path, .read, permissions: 0)
        files.report(.opened(path, forWriting: false))
      }
      next = .control(entry)
      guard command.keepsAttributes else { return }
      let (modified, accessed) = (attributes.modified.seconds, attributes.accessed.seconds)
      output.tail += Array("T\(max(0, modified)) 0 \(max(0, accessed)) 0\n".utf8)
      awaits = true
    } catch {
      complain(path.bytes, error, &output)
    }
  }

  /// The line with permissions, size and name.
  private mutating func announce(_ entry: Entry, _ output: inout SFTPOutput) {
    let name = entry.path.name ?? [0x2E]
    guard !name.contains(0x0A) else {
      next = .item
      complain(name, .invalidName, &output)
      return
    }
    let octal = String(entry.attributes.permissions & 0o7777, radix: 8)
    let permissions = String(repeating: "0", count: max(0, 4 - octal.count)) + octal
    if let file = entry.file {
      // The size when it was opened: what is sent must be exactly as long as was said.
      let size = (try? file.attributes().size) ?? entry.attributes.size
      output.tail += Array("C\(permissions) \(size) ".utf8) + name + [0x0A]
      next = .data(Sending(file: file, path: entry.path, size: size))
    } else {
      output.tail += Array("D\(permissions) 0 ".utf8) + name + [0x0A]
      next = .folder(entry.path)
    }
    awaits = true
  }

  private mutating func send(_ sending: inout Sending, _ output: inout SFTPOutput) {
    guard sending.offset < sending.size else {
      if sending.hasFailed {
        complain(sending.path.bytes, .failure(5), &output)
      } else {
        output.tail.append(0)
      }
      awaits = true
      return
    }
    let wanted = Int(min(Self.piece, sending.size - sending.offset))
    let (file, offset) = (sending.file, sending.offset)
    var got = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { memory, count in
      let room = UnsafeMutableRawBufferPointer(memory)
      do throws(FileError) {
        got = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: room[..<wanted]), at: offset)
      } catch { got = 0 }
      count = got
    }
    if bytes.isEmpty {
      // The file has become shorter: the client is given as many bytes as it was told, and then the truth.
      sending.hasFailed = true
      output.append(chunk: [UInt8](repeating: 0, count: wanted))
      sending.offset += UInt64(wanted)
    } else {
      output.append(chunk: bytes)
      sending.offset += UInt64(bytes.count)
    }
    next = .data(sending)
  }

  private mutating func complain(_ path: [UInt8], _ error: FileError, _ output: inout SFTPOutput) {
    hasFailed = true
    output.tail += SCPFiles.complaint(1, path, SFTPService.status(of: error).1)
  }
}
