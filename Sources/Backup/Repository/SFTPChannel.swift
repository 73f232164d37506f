import Foundation
import WireKit

/// Requests of SFTP version 3 (draft-ietf-secsh-filexfer-02) over the pipes of an `ssh` process, many under way at once.
///
/// OpenSSH's client makes the connection: keys, known hosts, jump hosts and names come from where the administrator has them.
/// Calls block. One command uses a channel at a time.
final class SFTPChannel {
  /// An answer; its content begins behind the request's number.
  struct Answer {
    var type: UInt8
    var content: [UInt8]
  }

  enum Kind {
    static let initialise: UInt8 = 1, version: UInt8 = 2, open: UInt8 = 3, close: UInt8 = 4, read: UInt8 = 5
    static let write: UInt8 = 6, openFolder: UInt8 = 11, readFolder: UInt8 = 12, remove: UInt8 = 13
    static let makeFolder: UInt8 = 14, rename: UInt8 = 18, extended: UInt8 = 200
    static let status: UInt8 = 101, handle: UInt8 = 102, data: UInt8 = 103, names: UInt8 = 104
  }

  /// The longest answer that is taken. OpenSSH's server sends 256 KiB and a head at most.
  private static let maximumAnswer = 512 * 1024

  private let process = Process()
  private let toServer = Pipe()
  private let fromServer = Pipe()
  private var nextNumber: UInt32 = 1
  /// What the server can do besides: `posix-rename@openssh.com`, `fsync@openssh.com`.
  private(set) var extensions: Set<String> = []

  /// - Parameter command: the program and its words, whose standard input and output are the subsystem.
  init(_ command: [String]) throws(BackupError) {
    signal(SIGPIPE, SIG_IGN)
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.standardInput = toServer
    process.standardOutput = fromServer
    // A child inherits which signals are blocked: `ssh` shall hear of Ctrl-C.
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    do { try process.run() } catch { throw BackupError("\(command[0]) can't be started: \(error)") }
    try send(Kind.initialise, [0, 0, 0, 3])
    let hello = try packet()
    guard hello.first == Kind.version, hello.count >= 5 else { throw BackupError("the server speaks no SFTP") }
    do throws(WireError) {
      let span = hello.span.bytes
      var reader = WireReader(span)
      try reader.skip(5, "version")
      while reader.remaining > 0 {
        extensions.insert(String(decoding: try Self.string(&reader), as: UTF8.self))
        _ = try Self.string(&reader)
      }
    } catch { throw BackupError("the server's greeting can't be read") }
  }

  deinit {
    try? toServer.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  /// Sends requests, a few dozen under way at a time, and hands each answer on in the order of the requests.
  func exchange<Request>(
    _ requests: [Request], _ encode: (Request) -> (type: UInt8, body: [UInt8]),
    _ take: (Request, Answer) throws(BackupError) -> Void
  ) throws(BackupError) {
    var sent = 0, taken = 0
    var waiting: [UInt32: Answer] = [:]
    let first = nextNumber
    while taken < requests.count {
      while sent < requests.count, sent - taken < 64 {
        let request = encode(requests[sent])
        try send(request.type, Self.integer(nextNumber) + request.body)
        nextNumber &+= 1
        sent += 1
      }
      let bytes = try packet()
      guard bytes.count >= 5 else { throw BackupError("the server's answer can't be read") }
      let number = bytes[1..<5].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      guard number &- first < UInt32(sent), waiting[number] == nil else {
        throw BackupError("the server answers what was not asked")
      }
      waiting[number] = Answer(type: bytes[0], content: Array(bytes[5...]))
      while taken < requests.count, let answer = waiting.removeValue(forKey: first &+ UInt32(taken)) {
        try take(requests[taken], answer)
        taken += 1
      }
    }
  }

  /// One request and its answer.
  func ask(_ type: UInt8, _ body: [UInt8]) throws(BackupError) -> Answer {
    var result: Answer?
    try exchange([body], { (type, $0) }) { _, answer in result = answer }
    guard let result else { throw BackupError("no answer") }
    return result
  }

  private func send(_ type: UInt8, _ body: [UInt8]) throws(BackupError) {
    let head = Self.integer(UInt32(truncatingIfNeeded: body.count + 1)) + [type]
    do { try toServer.fileHandleForWriting.write(contentsOf: Data(head + body)) } catch {
      throw BackupError("the connection is lost")
    }
  }

  private func packet() throws(BackupError) -> [UInt8] {
    let length = try bytes(4).reduce(0) { $0 << 8 | Int($1) }
    guard (1...Self.maximumAnswer).contains(length) else { throw BackupError("the server's answer is too long") }
    return try bytes(length)
  }

  private func bytes(_ count: Int) throws(BackupError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    while result.count < count {
      let part: Data?
      do { part = try fromServer.fileHandleForReading.read(upToCount: count - result.count) } catch { part = nil }
      guard let part, !part.isEmpty else { throw BackupError("no connection: see what ssh says above") }
      result += part
    }
    return result
  }

  // MARK: Values

  static func integer(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

  static func long(_ value: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) } }

  static func string(_ bytes: some Collection<UInt8>) -> [UInt8] {
    integer(UInt32(truncatingIfNeeded: bytes.count)) + bytes
  }

  static func string(_ reader: inout WireReader) throws(WireError) -> [UInt8] {
    let length = try Unverified(reader.readUInt32("length")).verified(atMost: maximumAnswer, "length")
    return try reader.readBytes(length, "string")
  }
}
