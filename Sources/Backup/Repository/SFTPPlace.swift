import Foundation
import Synchronization
import WireKit

/// A folder on another machine, by SFTP.
public final class SFTPPlace: BackupPlace {
  private typealias Kind = SFTPChannel.Kind
  /// Bytes that one request carries: every server takes 32 KiB.
  private static let piece = 32 * 1024

  private let root: String
  /// What people are told.
  private let shown: String
  // A channel serves one command at a time.
  private let channel: Mutex<SFTPChannel>

  /// The words that open `sftp://[user@]host[:port]/path`; `nil` when it is no such address. A path that begins with `/~/`
  /// is below the user's home.
  public static func parse(_ address: String, configuration: String? = nil) -> (command: [String], root: String)? {
    guard address.hasPrefix("sftp://"), let parts = URLComponents(string: address), let host = parts.host,
      !host.isEmpty, !host.hasPrefix("-"), parts.password == nil, parts.query == nil
    else { return nil }
    var path = parts.path
    if path.hasPrefix("/~/") { path.removeFirst(3) }
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    guard !path.isEmpty, path != "/" else { return nil }
    var command = ["ssh", "-oBatchMode=yes", "-oServerAliveInterval=30"]
    if let configuration { command += ["-F", configuration] }
    if let port = parts.port { command += ["-p", "\(port)"] }
    if let user = parts.user { command += ["-l", user] }
    return (command + ["-s", "--", host, "sftp"], path)
  }

  /// - Parameters:
  ///   - command: the program and its words that open the subsystem.
  ///   - root: the folder there.
  public init(_ command: [String], root: String, shown: String) throws(BackupError) {
    self.root = root
    self.shown = shown
    let channel: SFTPChannel
    do throws(BackupError) { channel = try SFTPChannel(command) } catch { throw BackupError("\(shown): \(error)") }
    self.channel = Mutex(channel)
  }

  // MARK: BackupPlace

  public func names(in folder: String) throws(BackupError) -> [String] {
    try use { channel throws(BackupError) in
      let opened = try channel.ask(Kind.openFolder, path(folder))
      if isMissing(opened) { return [] }
      let handle = try handle(opened, folder)
      defer { _ = try? channel.ask(Kind.close, SFTPChannel.string(handle)) }
      var names: [String] = []
      while true {
        let answer = try channel.ask(Kind.readFolder, SFTPChannel.string(handle))
        // Status 1: the end.
        if answer.type == Kind.status, code(answer) == 1 { return names }
        guard answer.type == Kind.names else { throw failure("can't list", folder, answer) }
        do throws(WireError) { names += try files(answer.content) } catch {
          throw failure("can't list", folder, answer)
        }
      }
    }
  }

  public func read(_ name: String) throws(BackupError) -> [UInt8]? {
    try use { channel throws(BackupError) in
      let opened = try channel.ask(Kind.open, path(name) + SFTPChannel.integer(1) + SFTPChannel.integer(0))
      if isMissing(opened) { return nil }
      let handle = try handle(opened, name)
      defer { _ = try? channel.ask(Kind.close, SFTPChannel.string(handle)) }
      var content: [UInt8] = []
      while true {
        let answer = try channel.ask(Kind.read, request(handle, content.count, Self.piece))
        if answer.type == Kind.status, code(answer) == 1 { return content }
        content += try data(answer, name)
      }
    }
  }

  public func read(_ name: String, at offset: Int, count: Int) throws(BackupError) -> [UInt8] {
    try use { channel throws(BackupError) in
      let opened = try channel.ask(Kind.open, path(name) + SFTPChannel.integer(1) + SFTPChannel.integer(0))
      let handle = try handle(opened, name)
      defer { _ = try? channel.ask(Kind.close, SFTPChannel.string(handle)) }
      var content: [UInt8] = []
      content.reserveCapacity(count)
      // A server may give less than was asked: then the rest is asked for anew.
      while content.count < count {
        let start = content.count
        let places = stride(from: start, to: count, by: Self.piece).map { $0 }
        var isShort = false
        try channel.exchange(
          places, { place in (Kind.read, request(handle, offset + place, min(Self.piece, count - place))) }
        ) {
          place, answer throws(BackupError) in
          guard !isShort else { return }
          let part = try data(answer, name)
          content += part
          isShort = part.count < min(Self.piece, count - place)
        }
      }
      return content
    }
  }

  public func write(_ name: String, _ bytes: [UInt8]) throws(BackupError) {
    try use { channel throws(BackupError) in
      try makeFolder(name.lastIndex(of: "/").map { String(name[..<$0]) } ?? "", channel)
      let draft = name + ".new"
      // Write, make, empty; mode 0600.
      let flags = SFTPChannel.integer(0x02 | 0x08 | 0x10) + SFTPChannel.integer(4) + SFTPChannel.integer(0o600)
      let handle = try handle(try channel.ask(Kind.open, path(draft) + flags), draft)
      let places = stride(from: 0, to: bytes.count, by: Self.piece).map { $0 }
      try channel.exchange(
        places,
        { place in
          let part = bytes[place..<min(place + Self.piece, bytes.count)]
          return (Kind.write, SFTPChannel.string(handle) + SFTPChannel.long(place) + SFTPChannel.string(part))
        }
      ) { _, answer throws(BackupError) in try succeeded(answer, "can't write", draft) }
      if channel.extensions.contains("fsync@openssh.com") {
        let fsync = SFTPChannel.string("fsync@openssh.com".utf8) + SFTPChannel.string(handle)
        try succeeded(try channel.ask(Kind.extended, fsync), "can't write", draft)
      }
      try succeeded(try channel.ask(Kind.close, SFTPChannel.string(handle)), "can't write", draft)
      if channel.extensions.contains("posix-rename@openssh.com") {
        let rename = SFTPChannel.string("posix-rename@openssh.com".utf8) + path(draft) + path(name)
        return try succeeded(try channel.ask(Kind.extended, rename), "can't put in place", name)
      }
      // Version 3 itself replaces nothing.
      _ = try channel.ask(Kind.remove, path(name))
      try succeeded(try channel.ask(Kind.rename, path(draft) + path(name)), "can't put in place", name)
    }
  }

  public func remove(_ name: String) throws(BackupError) {
    try use { channel throws(BackupError) in
      let answer = try channel.ask(Kind.remove, path(name))
      if !isMissing(answer) { try succeeded(answer, "can't remove", name) }
    }
  }

  /// A file that only one can make. It goes with the value; after a crash it is in the way, and the error says so.
  public func lock() throws(BackupError) -> any Sendable {
    try use { channel throws(BackupError) in
      try makeFolder("", channel)
      // Write, make, and fail when it is there.
      let flags = SFTPChannel.integer(0x02 | 0x08 | 0x20) + SFTPChannel.integer(4) + SFTPChannel.integer(0o600)
      let answer = try channel.ask(Kind.open, path(".lock") + flags)
      guard answer.type == Kind.handle else {
        // Version 3 has no word for "it is there": whether it can be read tells.
        let there = try channel.ask(Kind.open, path(".lock") + SFTPChannel.integer(1) + SFTPChannel.integer(0))
        guard there.type == Kind.handle else { throw failure("can't lock", "", answer) }
        _ = try channel.ask(Kind.close, SFTPChannel.string(try handle(there, ".lock")))
        throw BackupError(
          "another command works on \(shown); if none does, one was cut off: remove \(root)/.lock there")
      }
      _ = try channel.ask(Kind.close, SFTPChannel.string(try handle(answer, ".lock")))
    }
    return SFTPLock(self)
  }

  // MARK: Parts

  private func use<Result: Sendable>(
    _ body: (SFTPChannel) throws(BackupError) -> Result
  ) throws(BackupError) -> Result {
    try channel.withLock { channel throws(BackupError) in try body(channel) }
  }

  private func path(_ name: String) -> [UInt8] { SFTPChannel.string((name.isEmpty ? root : "\(root)/\(name)").utf8) }

  /// Makes a folder of the repository, and those above it that are missing.
  private func makeFolder(_ name: String, _ channel: SFTPChannel) throws(BackupError) {
    func make(_ path: String) throws(BackupError) -> SFTPChannel.Answer {
      try channel.ask(
        Kind.makeFolder, SFTPChannel.string(path.utf8) + SFTPChannel.integer(4) + SFTPChannel.integer(0o700))
    }
    let whole = name.isEmpty ? root : "\(root)/\(name)"
    var answer = try make(whole)
    if isMissing(answer) {
      var path = whole.hasPrefix("/") ? "/" : ""
      for part in whole.split(separator: "/") {
        path += (path.isEmpty || path == "/" ? "" : "/") + part
        answer = try make(path)
      }
    }
    // Status 4 says that it is there, or why not; what follows tells which.
    guard code(answer) == 0 || code(answer) == 4 else { throw failure("can't make the folder", name, answer) }
  }

  private func request(_ handle: [UInt8], _ offset: Int, _ count: Int) -> [UInt8] {
    SFTPChannel.string(handle) + SFTPChannel.long(offset) + SFTPChannel.integer(UInt32(truncatingIfNeeded: count))
  }

  private func code(_ answer: SFTPChannel.Answer) -> Int? {
    guard answer.type == Kind.status, answer.content.count >= 4 else { return nil }
    return answer.content[..<4].reduce(0) { $0 << 8 | Int($1) }
  }

  /// Status 2: no such file.
  private func isMissing(_ answer: SFTPChannel.Answer) -> Bool { code(answer) == 2 }

  private func succeeded(_ answer: SFTPChannel.Answer, _ what: String, _ name: String) throws(BackupError) {
    guard code(answer) == 0 else { throw failure(what, name, answer) }
  }

  private func handle(_ answer: SFTPChannel.Answer, _ name: String) throws(BackupError) -> [UInt8] {
    guard answer.type == Kind.handle else { throw failure("can't open", name, answer) }
    return try string(answer, "can't open", name)
  }

  private func data(_ answer: SFTPChannel.Answer, _ name: String) throws(BackupError) -> [UInt8] {
    guard answer.type == Kind.data else {
      if code(answer) == 1 { throw BackupError("\(shown)/\(name) ends too early") }
      throw failure("can't read", name, answer)
    }
    let bytes = try string(answer, "can't read", name)
    guard !bytes.isEmpty else { throw failure("can't read", name, answer) }
    return bytes
  }

  private func string(_ answer: SFTPChannel.Answer, _ what: String, _ name: String) throws(BackupError) -> [UInt8] {
    let content = answer.content
    do throws(WireError) {
      let span = content.span.bytes
      var reader = WireReader(span)
      return try SFTPChannel.string(&reader)
    } catch { throw failure(what, name, answer) }
  }

  /// The names of files in an answer; folders, and what is still being written, are left out.
  private func files(_ content: [UInt8]) throws(WireError) -> [String] {
    let span = content.span.bytes
    var reader = WireReader(span)
    var names: [String] = []
    for _ in 0..<(try reader.readUInt32("count")) {
      let name = String(decoding: try SFTPChannel.string(&reader), as: UTF8.self)
      _ = try SFTPChannel.string(&reader)
      let flags = try reader.readUInt32("flags")
      var isFolder = false
      for (bit, size) in [(1, 8), (2, 8), (4, 4), (8, 8)] as [(UInt32, Int)] where flags & bit != 0 {
        if bit == 4 {
          isFolder = try reader.readUInt32("permissions") & 0o170000 == 0o040000
        } else {
          try reader.skip(size, "attributes")
        }
      }
      if !isFolder, !name.hasPrefix("."), !name.hasSuffix(".new") { names.append(name) }
    }
    return names
  }

  private func failure(_ what: String, _ name: String, _ answer: SFTPChannel.Answer) -> BackupError {
    let reasons = [3: "not permitted", 2: "no such file or folder", 4: "refused by the server"]
    let reason = code(answer).map { reasons[$0] ?? "status \($0)" } ?? "an answer of the wrong kind"
    return BackupError("\(what) \(shown)\(name.isEmpty ? "" : "/\(name)"): \(reason)")
  }
}

/// Lets go of the repository.
private final class SFTPLock: Sendable {
  private let place: SFTPPlace
  init(_ place: SFTPPlace) { self.place = place }
  deinit { try? place.remove(".lock") }
}
