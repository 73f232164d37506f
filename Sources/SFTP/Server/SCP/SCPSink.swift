import SSHCore
import Services
import WireKit

/// `scp -t`: takes files and folders.
package struct SCPSink: BlockingService {
  private enum State {
    case line
    /// In the middle of a file; the error is the first that came up in it.
    case data(Receiving)
    case ended
  }

  private struct Receiving {
    var file: any OpenedFile
    var path: FilePath
    var offset: UInt64 = 0
    var size: UInt64
    var permissions: UInt32
    var times: FileAttributeChanges.Times?
    var failure: FileError?
  }

  /// Bytes of a control line.
  private static let maximumLine = 8_192
  /// Folders within folders.
  private static let maximumDepth = 256

  private let command: SCPCommand
  private let files: SCPFiles
  private var state = State.line
  private var hasBegun = false
  /// Where files go: the target, and the folders that the client has opened.
  private var folders: [FilePath] = []
  private var folderTimes: [FileAttributeChanges.Times?] = []
  private var times: FileAttributeChanges.Times?
  private var hasFailed = false
  package private(set) var exit: ExitStatus?

  package init(_ command: SCPCommand, _ files: SCPFiles) {
    self.command = command
    self.files = files
  }

  /// The client waits for the first word from here.
  package var hasMore: Bool { !hasBegun }
  package var exitAtEnd: ExitStatus {
    if case .line = state, folders.isEmpty { return .code(hasFailed ? 1 : 0) }
    return .code(1)
  }

  package mutating func process(_ input: RawSpan, into output: inout SFTPOutput) throws(WireError) -> Int {
    if !hasBegun { begin(&output) }
    var consumed = 0
    while exit == nil {
      let rest = input.extracting(consumed..<input.byteCount)
      switch state {
      case .ended: return input.byteCount
      case .line:
        var end = 0
        while let byte = rest.byte(at: end), byte != 0x0A { end += 1 }
        guard end <= Self.maximumLine else { throw WireError(.tooLong, "SCP line") }
        guard end < rest.byteCount else { return consumed }
        consumed += end + 1
        control(rest.extracting(0..<end).copied(), &output)
      case .data(var receiving):
        // The state is emptied, so that what it holds is changed in place.
        state = .line
        let count = receive(&receiving, rest, &output)
        consumed += count
        if count == 0 { return consumed }
      }
    }
    return input.byteCount
  }

  private mutating func begin(_ output: inout SFTPOutput) {
    hasBegun = true
    if command.needsFolder, let target = try? files.path(command.paths[0]), !files.isDirectory(target) {
      complain(2, command.paths[0], .notDirectory, &output)
    } else {
      output.tail.append(0)
    }
  }

  // MARK: Lines

  private mutating func control(_ line: [UInt8], _ output: inout SFTPOutput) {
    switch line.first {
    case 1: hasFailed = true
    case 2: exit = .code(1)
    case UInt8(ascii: "T"): takeTimes(line, &output)
    case UInt8(ascii: "E"):
      guard let folder = folders.popLast() else {
        complain(2, [], .invalidName, &output)
        return
      }
      if let times = folderTimes.popLast() ?? nil {
        try? files.store.setAttributes(FileAttributeChanges(times: times), of: folder, followingLinks: true)
      }
      output.tail.append(0)
    case UInt8(ascii: "C"), UInt8(ascii: "D"): takeEntry(line, &output)
    default: complain(2, [], .invalidName, &output)
    }
  }

  private mutating func takeTimes(_ line: [UInt8], _ output: inout SFTPOutput) {
    let numbers = String(decoding: line.dropFirst(), as: UTF8.self).split(separator: " ").map { Int64($0) }
    guard numbers.count == 4, let modified = numbers[0], let accessed = numbers[2] else {
      complain(2, [], .invalidName, &output)
      return
    }
    times = .init(accessed: WallTime(seconds: accessed), modified: WallTime(seconds: modified))
    output.tail.append(0)
  }

  /// `C0644 299 group`, `D0755 0 folder`.
  private mutating func takeEntry(_ line: [UInt8], _ output: inout SFTPOutput) {
    let isFolder = line.first == UInt8(ascii: "D")
    let parts = line.dropFirst().split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let permissions = UInt32(String(decoding: parts[0], as: UTF8.self), radix: 8),
      permissions <= 0o7777, let size = UInt64(String(decoding: parts[1], as: UTF8.self)), size < 1 << 62
    else {
      complain(2, [], .invalidName, &output)
      return
    }
    let name = Array(parts[2])
    let entryTimes = times
    times = nil
    // The name is one name: what leads elsewhere is an attack, and ends the session.
    guard !name.isEmpty, !name.contains(0x2F), !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8),
      !isFolder || command.isRecursive && folders.count < Self.maximumDepth
    else {
      complain(2, name, .invalidName, &output)
      return
    }
    do throws(FileError) {
      let path = try place(of: name)
      if isFolder {
        try enter(path, permissions)
        folders.append(path)
        folderTimes.append(command.keepsAttributes ? entryTimes : nil)
      } else {
        let file = try files.store.open(path, [.write, .create, .truncate], permissions: permissions & 0o777)
        files.report(.opened(path, forWriting: true))
        state = .data(
          Receiving(
            file: file, path: path, size: size, permissions: permissions & 0o777,
            times: command.keepsAttributes ? entryTimes : nil))
      }
      output.tail.append(0)
    } catch {
      complain(1, name, error, &output)
    }
  }

  /// Into the folder that is open, or the target folder, or as the target itself.
  private func place(of name: [UInt8]) throws(FileError) -> FilePath {
    let target = try files.path(command.paths[0])
    let folder = folders.last ?? (files.isDirectory(target) ? target : nil)
    guard let folder else { return target }
    guard let path = folder.appending(name) else { throw .invalidName }
    return path
  }

  private func enter(_ path: FilePath, _ permissions: UInt32) throws(FileError) {
    if files.isDirectory(path) { return }
    try files.store.makeDirectory(path, permissions: permissions & 0o777 | 0o700)
    files.report(.madeDirectory(path))
  }

  // MARK: Data

  /// Returns how much was taken; the file's bytes are followed by one that says how it went.
  private mutating func receive(
    _ receiving: inout Receiving, _ rest: RawSpan, _ output: inout SFTPOutput
  ) -> Int {
    let count = Int(clamping: min(UInt64(rest.byteCount), receiving.size - receiving.offset))
    if count > 0 {
      let (file, offset) = (receiving.file, receiving.offset)
      let failure = rest.extracting(0..<count).withUnsafeBytes { bytes -> FileError? in
        do throws(FileError) { try file.write(bytes, at: offset) } catch { return error }
        return nil
      }
      if receiving.failure == nil { receiving.failure = failure }
      receiving.offset += UInt64(count)
      state = .data(receiving)
      return count
    }
    guard receiving.offset == receiving.size, let verdict = rest.byte(at: 0) else {
      state = .data(receiving)
      return 0
    }
    if verdict != 0 {
      // What follows is the reason, in a line that is read as any other.
      hasFailed = true
      output.tail.append(0)
      return skipLine(rest)
    }
    finish(receiving, &output)
    return 1
  }

  /// The length of a line of complaint; at least its first byte.
  private func skipLine(_ rest: RawSpan) -> Int {
    var end = 0
    while let byte = rest.byte(at: end), byte != 0x0A { end += 1 }
    return min(end + 1, rest.byteCount)
  }

  private mutating func finish(_ receiving: Receiving, _ output: inout SFTPOutput) {
    var failure = receiving.failure
    do throws(FileError) {
      if command.keepsAttributes {
        try receiving.file.setAttributes(
          FileAttributeChanges(permissions: receiving.permissions, times: receiving.times))
      }
    } catch {
      failure = failure ?? error
    }
    if let failure {
      complain(1, receiving.path.name ?? [], failure, &output)
    } else {
      output.tail.append(0)
    }
  }

  private mutating func complain(
    _ severity: UInt8, _ name: [UInt8], _ error: FileError, _ output: inout SFTPOutput
  ) {
    hasFailed = true
    output.tail += SCPFiles.complaint(severity, name, SFTPService.status(of: error).1)
    if severity == 2 { exit = .code(1) }
  }
}
