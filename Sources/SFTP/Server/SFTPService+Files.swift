import Services
import SFTPCore
import WireKit

extension SFTPService {
  /// Requests on open files and directories.
  mutating func performOnHandle(
    _ request: SFTPRequest, _ id: UInt32, _ packet: RawSpan, _ output: inout SFTPOutput
  ) throws(FileError) {
    switch request {
    case .open(let bytes, let flags, let attributes): try open(bytes, flags, attributes, id, &output)
    case .close(let handle):
      try close(handle)
      done(id, &output)
    case .read(let handle, let offset, let length): try read(handle, offset, length, id, &output)
    case .write(let handle, let offset, let data):
      guard data.count <= limits.maximumData else { throw .tooLarge }
      let file = try file(handle)
      let result = packet.extracting(data).withUnsafeBytes { bytes -> FileError? in
        do throws(FileError) { try file.write(bytes, at: offset) } catch { return error }
        return nil
      }
      if let result {
        uses[handle]?.hasFailed = true
        throw result
      }
      uses[handle]?.written += UInt64(data.count)
      done(id, &output)
    case .openDirectory(let bytes):
      let handle = try add(.directory(try store.openDirectory(try path(bytes))))
      SFTPResponse.handle(id, handle, &output.tail)
    case .readDirectory(let handle): try readDirectory(handle, id, &output)
    case .synchronise(let handle):
      try file(handle).synchronise()
      done(id, &output)
    case .copyData(let from, let offset, let length, let to, let newOffset):
      guard from != to else { throw .invalidName }
      _ = try file(to).copy(from: try file(from), at: offset, count: length == 0 ? nil : length, to: newOffset)
      done(id, &output)
    default: throw .unsupported
    }
  }

  private mutating func open(
    _ bytes: [UInt8], _ flags: SFTPRequest.OpenFlags, _ attributes: SFTPAttributes, _ id: UInt32,
    _ output: inout SFTPOutput
  ) throws(FileError) {
    var options: FileOpenOptions = []
    for (flag, option) in [
      (SFTPRequest.OpenFlags.read, FileOpenOptions.read), (.write, .write), (.append, [.write, .append]),
      (.create, .create), (.truncate, .truncate), (.exclusive, .exclusive),
    ] where flags.contains(flag) { options.formUnion(option) }
    guard !options.isDisjoint(with: [.read, .write]) else { throw .invalidName }
    let path = try path(bytes)
    guard handles.count < limits.maximumHandles else { throw .tooManyOpen }
    let permissions = attributes.permissions ?? 0o666
    var use = FileUse()
    let file: any OpenedFile
    if uploadsWhole, options.isSuperset(of: [.write, .create, .truncate]),
      options.isDisjoint(with: [.append, .exclusive]),
      let whole = try WholeUpload.open(path, in: store, reads: options.contains(.read), permissions: permissions)
    {
      (use.upload, file) = (whole.0, whole.1)
    } else {
      file = try store.open(path, options, permissions: permissions)
    }
    if options.contains(.write) { report(.opened(path, forWriting: true)) }
    let handle = try add(.file(file, path))
    uses[handle] = use
    SFTPResponse.handle(id, handle, &output.tail)
  }

  private mutating func close(_ handle: SFTPHandle) throws(FileError) {
    guard let open = handles.removeValue(forKey: handle) else { throw .invalidName }
    guard case .file(_, let path) = open, var use = uses.removeValue(forKey: handle) else { return }
    defer { tell(path, use) }
    guard let upload = use.upload else { return }
    // What could not be written is not the file that was meant.
    guard !use.hasFailed else { throw .failure(0) }
    do throws(FileError) { try upload.complete() } catch {
      use.hasFailed = true
      throw error
    }
  }

  private func tell(_ path: FilePath, _ use: FileUse, isClosed: Bool = true) {
    guard use.read > 0 || use.written > 0 || use.upload != nil else { return }
    report(.closed(path, read: use.read, written: use.written, isComplete: isClosed && !use.hasFailed))
  }

  /// The session is over: what was left open is told of.
  package func ended() {
    for (handle, open) in handles {
      if case .file(_, let path) = open, let use = uses[handle] { tell(path, use, isClosed: false) }
    }
  }

  private mutating func read(
    _ handle: SFTPHandle, _ offset: UInt64, _ length: UInt32, _ id: UInt32, _ output: inout SFTPOutput
  ) throws(FileError) {
    let file = try file(handle)
    let wanted = min(Int(length), limits.maximumData)
    if uses[handle]?.isBulky != true, wanted > Self.smallRead {
      return try readByScratch(file, handle, offset, wanted, id, &output)
    }
    var failure: FileError?
    var got = 0
    // The file's bytes are read to where they leave from; the header is put in front once their number is known.
    var response = [UInt8](unsafeUninitializedCapacity: wanted + SFTPResponse.dataHeaderSize) { memory, count in
      let room = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(memory)[SFTPResponse.dataHeaderSize...])
      do throws(FileError) { got = try file.read(into: room, at: offset) } catch { failure = error }
      UnsafeMutableRawBufferPointer(memory).copyBytes(from: SFTPResponse.dataHeader(id, count: got))
      count = SFTPResponse.dataHeaderSize + got
    }
    if let failure { throw failure }
    uses[handle]?.read += UInt64(got)
    guard got > 0 else {
      SFTPResponse.status(id, .endOfFile, "End of file", &output.tail)
      return
    }
    if got < 16 * 1024 { output.tail += response } else { output.append(chunk: response) }
    response = []
  }

  /// Reads of so much have a buffer of their own at once.
  private static let smallRead = 16 * 1024

  private mutating func readByScratch(
    _ file: any OpenedFile, _ handle: SFTPHandle, _ offset: UInt64, _ wanted: Int, _ id: UInt32,
    _ output: inout SFTPOutput
  ) throws(FileError) {
    if scratch.count < wanted { scratch = [UInt8](repeating: 0, count: limits.maximumData) }
    let result = scratch.withUnsafeMutableBytes { memory -> Result<Int, FileError> in
      do throws(FileError) {
        return .success(try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory.prefix(wanted)), at: offset))
      } catch {
        return .failure(error)
      }
    }
    let got = try result.get()
    uses[handle]?.read += UInt64(got)
    uses[handle]?.isBulky = got == wanted
    guard got > 0 else {
      SFTPResponse.status(id, .endOfFile, "End of file", &output.tail)
      return
    }
    output.tail += SFTPResponse.dataHeader(id, count: got)
    output.tail += scratch.prefix(got)
  }

  private func readDirectory(
    _ handle: SFTPHandle, _ id: UInt32, _ output: inout SFTPOutput
  ) throws(FileError) {
    guard case .directory(let directory) = handles[handle] else { throw .invalidName }
    let entries = try directory.next(limits.namesPerRead)
    guard !entries.isEmpty else {
      SFTPResponse.status(id, .endOfFile, "End of file", &output.tail)
      return
    }
    let names = entries.map {
      SFTPResponse.Name(
        name: $0.name, line: ListingLine.line($0), attributes: SFTPAttributes($0.attributes))
    }
    SFTPResponse.names(id, names, &output.tail)
  }

  /// Requests about attributes and room.
  mutating func performOnAttributes(
    _ request: SFTPRequest, _ id: UInt32, _ output: inout SFTPOutput
  ) throws(FileError) {
    switch request {
    case .attributes(let bytes, let follows):
      let attributes = try store.attributes(of: try path(bytes), followingLinks: follows)
      SFTPResponse.attributes(id, SFTPAttributes(attributes), &output.tail)
    case .handleAttributes(let handle):
      SFTPResponse.attributes(id, SFTPAttributes(try file(handle).attributes()), &output.tail)
    case .setAttributes(let bytes, let attributes, let follows):
      try store.setAttributes(FileAttributeChanges(attributes), of: try path(bytes), followingLinks: follows)
      done(id, &output)
    case .setHandleAttributes(let handle, let attributes):
      try file(handle).setAttributes(FileAttributeChanges(attributes))
      done(id, &output)
    case .space(let bytes): answer(try store.space(at: try path(bytes)), id, &output)
    case .handleSpace(let handle): answer(try file(handle).space(), id, &output)
    default: throw .unsupported
    }
  }

  private func answer(_ space: FileSystemSpace, _ id: UInt32, _ output: inout SFTPOutput) {
    SFTPResponse.extended(id, &output.tail) {
      for number in [
        space.blockSize, space.fragmentSize, space.blocks, space.freeBlocks, space.availableBlocks, space.files,
        space.freeFiles, space.availableFiles, space.identifier, space.isReadOnly ? 1 : 0, space.maximumName,
      ] { $0.appendInteger(number) }
    }
  }

  /// Requests that change names.
  mutating func performOnNames(_ request: SFTPRequest) throws(FileError) {
    switch request {
    case .remove(let bytes):
      let path = try path(bytes)
      try store.removeFile(path)
      report(.removed(path))
    case .makeDirectory(let bytes, let attributes):
      let path = try path(bytes)
      try store.makeDirectory(path, permissions: attributes.permissions ?? 0o777)
      report(.madeDirectory(path))
    case .removeDirectory(let bytes):
      let path = try path(bytes)
      try store.removeDirectory(path)
      report(.removedDirectory(path))
    case .rename(let bytes, let newBytes, let replacing):
      let (path, newPath) = (try path(bytes), try path(newBytes))
      try store.rename(path, to: newPath, replacing: replacing)
      report(.renamed(path, to: newPath))
    case .symbolicLink(let target, let bytes): try store.makeSymbolicLink(try path(bytes), target: target)
    case .hardLink(let existing, let bytes): try store.makeHardLink(try path(bytes), to: try path(existing))
    default: throw .unsupported
    }
  }
}
