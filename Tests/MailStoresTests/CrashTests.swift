import Foundation
import MailEngine
import Services
import TestKit
import Testing

@testable import MailStores

/// What is acknowledged survives a loss of power at any point.
///
/// The real program's system calls are recorded by strace: writes, truncations, synchronisations, renames. For each point between two
/// calls two disks are made: one that has everything written up to there, and one that has only what was synchronised. Both must
/// open, pass every check, and hold all that had been acknowledged by then.
struct CrashTests {
  enum Call {
    case open(path: String, descriptor: Int, isNew: Bool)
    case close(Int)
    case write(Int, offset: Int, bytes: [UInt8])
    case truncate(Int, Int)
    case synchronise(Int)
    case rename(String, String)
    case remove(String)
    case makeDirectory(String)
    case acknowledge(String)
  }

  @Test func everyCutKeepsWhatWasAcknowledged() async throws {
    let folder = try MailFolder()
    let calls = try Self.record(in: folder)
    #expect(calls.count > 60)
    var tested = 0
    var acknowledged: [String] = []
    var disk = Disk()
    for (number, call) in calls.enumerated() {
      if case .acknowledge(let text) = call { acknowledged.append(text) }
      // What changes neither the rows nor the bytes needs no test of its own.
      let matters = disk.matters(call)
      disk.apply(call)
      guard matters else { continue }
      tested += 1
      try await Self.verify(disk, onlySynchronised: false, acknowledged, "cut after call \(number)")
      // A write alone does not change what is synchronised.
      if case .write = call { continue }
      try await Self.verify(disk, onlySynchronised: true, acknowledged, "cut after call \(number), synchronised only")
    }
    #expect(tested > 50 && acknowledged.count == 9)
  }

  private static func verify(
    _ disk: Disk, onlySynchronised: Bool, _ acknowledged: [String], _ place: String
  ) async throws {
    let folder = try MailFolder(inMemory: true)
    try disk.write(to: folder.path, onlySynchronised: onlySynchronised)
    guard FileManager.default.fileExists(atPath: "\(folder.path)/mail/mail.sqlite") else {
      return #expect(acknowledged.isEmpty, "\(place): nothing is there")
    }
    let engine = try DiskBatteryTests.open(folder).0
    let inbox = try await engine.inbox(of: "ann@lab.test")
    let archive = try await engine.mailboxes(of: "ann@lab.test").mailbox(for: .archive)
    let messages = try await engine.snapshot(of: inbox.id).messages
    let archived = try await engine.snapshot(of: try #require(archive).id).messages
    let moved = Set(acknowledged.filter { $0.hasPrefix("move") }.map { UInt32($0.split(separator: " ")[1]) ?? 0 })
    for line in acknowledged {
      let words = line.split(separator: " ")
      let uid = UInt32(words[1]) ?? 0
      switch words[0] {
      case "append":
        // One that is being moved may be in either place.
        let message = messages.message(uid)
        if moved.contains(uid) || message == nil {
          #expect(archived.count > 0, "\(place): message \(uid) is nowhere")
          continue
        }
        let body = try engine.body(of: try #require(message))
        #expect(body.size == Int64(words[2]), "\(place)")
        #expect(try body.bytes(0..<9) == Array("Subject: ".utf8), "\(place)")
      case "move":
        #expect(messages.message(uid) == nil && archived.message(UInt32(words[2]) ?? 0) != nil, "\(place): \(line)")
      default:
        #expect(messages.message(1)?.flags.contains(.seen) == true, "\(place): \(line)")
      }
    }
    engine.close()
    #expect(try folder.findings() == [], "\(place)")
  }

  // MARK: Recording

  private static func record(in folder: MailFolder) throws -> [Call] {
    let fixture = Bundle.main.bundleURL.deletingLastPathComponent().appendingPathComponent("MailFixture").path
    let found = [fixture, ".build/debug/MailFixture"].first { FileManager.default.isExecutableFile(atPath: $0) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/strace")
    process.arguments = [
      "-f", "-xx", "-s", "1000000", "-o", "\(folder.path)/trace", "-e",
      "trace=openat,close,write,pwrite64,ftruncate,fdatasync,fsync,rename,unlink,mkdir",
      try #require(found), "\(folder.path)/mail",
    ]
    process.standardOutput = FileHandle.nullDevice
    process.environment = ["SWIFT_BACKTRACE": "enable=no", "PATH": "/usr/bin:/bin"]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "strace is missing, or the fixture failed")
    let text = try String(contentsOfFile: "\(folder.path)/trace", encoding: .utf8)
    return TraceParser(root: folder.path).parse(text)
  }
}

/// Files as a crash leaves them.
struct Disk {
  private final class File {
    var bytes: [UInt8] = []
    var durable: [UInt8] = []
  }

  private var files: [String: File] = [:]
  private var folders: [String] = []
  private var open: [Int: (path: String, file: File)] = [:]

  /// Whether a call changes a file that counts: not the search index, which can be made again, nor shared memory.
  func matters(_ call: CrashTests.Call) -> Bool {
    func counts(_ path: String?) -> Bool {
      path.map { !$0.hasSuffix("-shm") && !$0.contains("search.sqlite") } ?? false
    }
    return switch call {
    case .write(let descriptor, _, _), .truncate(let descriptor, _), .synchronise(let descriptor):
      counts(open[descriptor]?.path)
    case .rename, .remove: true
    default: false
    }
  }

  /// Names are durable at once: ours are synchronised before anything refers to them, which the order of calls shows, and a
  /// name that is there without its bytes is the harder case.
  mutating func apply(_ call: CrashTests.Call) {
    switch call {
    case .open(let path, let descriptor, let isNew):
      guard isNew || files[path] != nil else { return }
      let file = files[path] ?? File()
      files[path] = file
      open[descriptor] = (path, file)
    case .close(let descriptor): open[descriptor] = nil
    case .write(let descriptor, let offset, let bytes):
      guard let file = open[descriptor]?.file else { return }
      if file.bytes.count < offset + bytes.count {
        file.bytes += [UInt8](repeating: 0, count: offset + bytes.count - file.bytes.count)
      }
      file.bytes.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    case .truncate(let descriptor, let size):
      guard let file = open[descriptor]?.file else { return }
      file.bytes = Array(file.bytes.prefix(size)) + [UInt8](repeating: 0, count: max(0, size - file.bytes.count))
    case .synchronise(let descriptor):
      if let file = open[descriptor]?.file { file.durable = file.bytes }
    case .rename(let from, let to):
      files[to] = files[from]
      files[from] = nil
    case .remove(let path): files[path] = nil
    case .makeDirectory(let path): folders.append(path)
    case .acknowledge: break
    }
  }

  func write(to root: String, onlySynchronised: Bool) throws {
    for folder in folders {
      try FileManager.default.createDirectory(atPath: root + folder, withIntermediateDirectories: true)
    }
    // The wal-index is shared memory, and no file that matters; the search index can be made again.
    for (path, file) in files where !path.hasSuffix("-shm") && !path.contains("search.sqlite") {
      try Data(onlySynchronised ? file.durable : file.bytes).write(to: URL(fileURLWithPath: root + path))
    }
  }
}

/// Reads what strace wrote.
struct TraceParser {
  let root: String

  func parse(_ text: String) -> [CrashTests.Call] {
    var calls: [CrashTests.Call] = []
    var unfinished: [Substring: String] = [:]
    var offsets: [Int: Int] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2 else { continue }
      var call = parts[1].trimmingCharacters(in: .whitespaces)
      if call.hasSuffix("<unfinished ...>") {
        unfinished[parts[0]] = String(call.dropLast("<unfinished ...>".count))
        continue
      }
      if call.hasPrefix("<... "), let start = unfinished.removeValue(forKey: parts[0]),
        let end = call.range(of: "resumed>")
      {
        call = start + call[end.upperBound...]
      }
      if let parsed = self.call(call, &offsets) { calls.append(parsed) }
    }
    return calls
  }

  private func call(_ line: String, _ offsets: inout [Int: Int]) -> CrashTests.Call? {
    guard let open = line.firstIndex(of: "("), let equals = line.range(of: " = ", options: .backwards),
      let result = Int(line[equals.upperBound...].prefix { $0.isNumber || $0 == "-" }), result >= 0
    else { return nil }
    let name = line[..<open]
    let inside = line[line.index(after: open)..<equals.lowerBound].trimmingCharacters(in: .whitespaces)
    let texts = Self.texts(inside)
    let first = Int(inside.prefix { $0.isNumber })
    func path(_ index: Int) -> String? {
      guard index < texts.count else { return nil }
      let path = String(decoding: texts[index], as: UTF8.self)
      return path.hasPrefix(root) ? String(path.dropFirst(root.count)) : nil
    }
    switch name {
    case "openat":
      guard let path = path(0) else { return nil }
      offsets[result] = 0
      return .open(path: path, descriptor: result, isNew: inside.contains("O_CREAT"))
    case "close": return first.map { .close($0) }
    case "write":
      guard let first, let bytes = texts.first else { return nil }
      if first == 1 {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("ACK ") ? .acknowledge(String(text.dropFirst(4).dropLast())) : nil
      }
      return nil
    case "pwrite64":
      guard let first, let bytes = texts.first,
        let offset = inside.split(separator: ",").last.flatMap({ Int($0.filter(\.isNumber)) })
      else { return nil }
      return .write(first, offset: offset, bytes: Array(bytes.prefix(result)))
    case "ftruncate":
      guard let first, let size = inside.split(separator: ",").last.flatMap({ Int($0.filter(\.isNumber)) }) else {
        return nil
      }
      return .truncate(first, size)
    case "fdatasync", "fsync": return first.map { .synchronise($0) }
    case "rename":
      guard let from = path(0), let to = path(1) else { return nil }
      return .rename(from, to)
    case "unlink": return path(0).map { .remove($0) }
    case "mkdir": return path(0).map { .makeDirectory($0) }
    default: return nil
    }
  }

  /// The strings in a call, which strace wrote in hexadecimal.
  private static func texts(_ call: String) -> [[UInt8]] {
    var result: [[UInt8]] = []
    let bytes = Array(call.utf8)
    var index = 0
    func digit(_ byte: UInt8) -> UInt8 { byte < 0x3A ? byte - 0x30 : byte - 0x57 }
    while index < bytes.count {
      guard bytes[index] == 0x22 else {
        index += 1
        continue
      }
      index += 1
      var text: [UInt8] = []
      while index + 3 < bytes.count, bytes[index] == 0x5C {
        text.append(digit(bytes[index + 2]) << 4 | digit(bytes[index + 3]))
        index += 4
      }
      index += 1
      result.append(text)
    }
    return result
  }
}
