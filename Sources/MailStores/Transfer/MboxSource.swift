import Glibc
import MessageCore
import Services

/// An mbox file (RFC 4155), in the form that doubles the escape before `From ` (mboxrd), which reads the older forms as well as
/// they can be read. Flags come from Status and X-Status.
public struct MboxSource: MessageSource {
  private let file: MailFile
  private let path: String
  private var buffer: [UInt8] = []
  private var position = 0
  /// Of the first byte in the buffer.
  private var bufferOffset: Int64 = 0
  private var isAtEnd = false
  /// Where the next message's `From ` line begins.
  private var nextStart: Int64 = 0

  public init(path: String) throws(StoreError) {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw MailDisk.failure("can't open \(path)") }
    file = MailFile(owning: descriptor)
  }

  public var mark: String { String(nextStart) }

  public mutating func resume(after mark: String) throws(StoreError) {
    guard let offset = Int64(mark), offset >= 0 else { throw StoreError(.corrupt, "no mark of an mbox: \(mark)") }
    nextStart = offset
    bufferOffset = offset
  }

  /// The whole file's size, for progress.
  public var size: Int64 { (try? MailDisk.size(of: file.descriptor)) ?? 0 }
  public var done: Int64 { nextStart }

  public mutating func next(
    _ write: (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) -> SourceMessage? {
    guard var line = try readLine() else { return nil }
    // What stands before the first separator is nobody's message.
    while !Self.isSeparator(line) {
      guard let following = try readLine() else { return nil }
      line = following
    }
    var message = SourceMessage()
    message.date = Self.date(line)
    var ends = LineEndWriter()
    var isInHeader = true
    var pendingBlank = false
    var endsLine = true
    while true {
      let start = bufferOffset + Int64(position)
      guard let body = try readLine() else {
        // A last line that the file does not end.
        if !endsLine { try Self.give([0x0A], &ends, write) }
        nextStart = start
        break
      }
      endsLine = body.last == 0x0A
      if Self.isSeparator(body), pendingBlank || isInHeader {
        step(back: body.count)
        nextStart = start
        break
      }
      // The empty line before a separator belongs to the file, not to the message.
      if pendingBlank { try Self.give([0x0A], &ends, write) }
      pendingBlank = false
      let isBlank = body == [0x0A] || body == [0x0D, 0x0A]
      if isInHeader {
        // What a program that writes mbox files has added is no part of the message.
        if Self.takeStatus(body, &message) { continue }
        if isBlank {
          isInHeader = false
          try Self.give(body, &ends, write)
          continue
        }
      } else if isBlank {
        pendingBlank = true
        continue
      }
      try Self.give(Self.unescaped(body), &ends, write)
    }
    return message
  }

  private static func give(
    _ line: [UInt8], _ ends: inout LineEndWriter, _ write: (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    var failure: StoreError?
    line.withUnsafeBytes { bytes in
      do throws(StoreError) { try ends.write(bytes, write) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private static let separator = Array("From ".utf8)

  private static func isSeparator(_ line: [UInt8]) -> Bool { line.starts(with: separator) }

  /// `>From ` is `From `, `>>From ` is `>From `.
  private static func unescaped(_ line: [UInt8]) -> [UInt8] {
    guard line.first == 0x3E, line.drop(while: { $0 == 0x3E }).starts(with: separator) else { return line }
    return Array(line.dropFirst())
  }

  /// `From ann@lab.test Wed Nov 25 13:05:05 2026`
  private static func date(_ line: [UInt8]) -> Int64? {
    let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count >= 7 else { return nil }
    let last = words.suffix(5)
    let parts = Array(last)
    return MessageDate("\(parts[2]) \(parts[1]) \(parts[4]) \(parts[3]) +0000")?.seconds
  }

  /// Whether it is a line of flags.
  private static func takeStatus(_ line: [UInt8], _ message: inout SourceMessage) -> Bool {
    let text = asciiLowercased(String(decoding: line.prefix(64), as: UTF8.self))
    guard text.hasPrefix("status:") || text.hasPrefix("x-status:") else { return false }
    for letter in text.drop(while: { $0 != ":" }).dropFirst() {
      switch letter {
      case "r": message.flags.insert(.seen)
      case "a": message.flags.insert(.answered)
      case "f": message.flags.insert(.flagged)
      case "t": message.flags.insert(.draft)
      case "d": message.flags.insert(.deleted)
      default: break
      }
    }
    return true
  }

  // MARK: Reading

  private mutating func step(back count: Int) { position -= count }

  /// A line with its LF; very long ones in pieces. `nil` at the end.
  private mutating func readLine() throws(StoreError) -> [UInt8]? {
    while true {
      if let end = buffer[position...].firstIndex(of: 0x0A) {
        defer { position = end + 1 }
        return Array(buffer[position...end])
      }
      if buffer.count - position >= 1_048_576 || isAtEnd {
        guard position < buffer.count else { return nil }
        defer { position = buffer.count }
        return Array(buffer[position...])
      }
      try fill()
    }
  }

  private mutating func fill() throws(StoreError) {
    buffer.removeFirst(position)
    bufferOffset += Int64(position)
    position = 0
    var piece = [UInt8](repeating: 0, count: 65_536)
    var failure: StoreError?
    let offset = bufferOffset + Int64(buffer.count)
    let count = piece.withUnsafeMutableBytes { memory in
      do throws(StoreError) { return try MailDisk.read(into: memory, from: file.descriptor, at: offset) } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    if count == 0 { isAtEnd = true }
    buffer += piece.prefix(count)
  }
}
