import SSHClient
import SSHCore
import WireKit

/// Lists one folder over SFTP: INIT, OPENDIR, READDIR to the end, CLOSE.
public struct SFTPListing: ClientProgram {
  private enum State {
    case version, open, names, done
  }

  /// Names that are kept.
  private static let maximumNames = 10_000

  private let path: [UInt8]
  private var state = State.version
  private var pending: [UInt8] = []
  private var handle: [UInt8] = []
  /// The lines that the server shows for the names, `ls -l` in form.
  public private(set) var lines: [String] = []
  public private(set) var failure: String?

  public init(_ path: String) { self.path = Array(path.utf8) }

  public var request: SessionStart.Program { .subsystem("sftp") }
  public var isDone: Bool { state == .done }

  public func started() -> [UInt8] {
    Self.packet(1) { $0.appendInteger(UInt32(3)) }
  }

  public mutating func received(_ bytes: [UInt8]) -> [UInt8] {
    pending += bytes
    var answer: [UInt8] = []
    do throws(WireError) {
      while state != .done, let packet = try nextPacket() { answer += try take(packet) }
    } catch {
      failure = "the server's answer can't be read: \(error)"
      state = .done
    }
    return answer
  }

  private mutating func nextPacket() throws(WireError) -> [UInt8]? {
    // A copy of the reference alone: what is read does not change meanwhile.
    let all = pending
    let span = all.span.bytes
    var reader = WireReader(span)
    guard reader.remaining >= 4 else { return nil }
    let length = try Unverified(reader.readUInt32("length")).verified(in: 1...(256 * 1024), "length")
    guard reader.remaining >= length else { return nil }
    let packet = try reader.readBytes(length, "packet")
    pending.removeFirst(4 + length)
    return packet
  }

  private mutating func take(_ packet: [UInt8]) throws(WireError) -> [UInt8] {
    let span = packet.span.bytes
    var reader = WireReader(span)
    let type = try reader.readUInt8("type")
    let id = try reader.readUInt32("id")
    switch (state, type) {
    case (.version, 2):
      state = .open
      let path = path
      return Self.packet(11) {
        $0.appendInteger(UInt32(1))
        Self.append(path, to: &$0)
      }
    case (.open, 102):
      handle = try Self.readString(&reader)
      state = .names
      return readDirectory(2)
    case (.names, 104):
      let count = try reader.readUInt32("count")
      for _ in 0..<count where lines.count < Self.maximumNames {
        _ = try Self.readString(&reader)
        lines.append(String(decoding: try Self.readString(&reader), as: UTF8.self))
        try Self.skipAttributes(&reader)
      }
      return readDirectory(id &+ 1)
    case (_, 101):
      let code = try reader.readUInt32("code")
      let text = String(decoding: try Self.readString(&reader), as: UTF8.self)
      if !(state == .names && code == 1) { failure = text.isEmpty ? "status \(code)" : text }
      state = .done
      return []
    default: throw WireError(.malformed, "an answer of the wrong kind")
    }
  }

  private func readDirectory(_ id: UInt32) -> [UInt8] {
    Self.packet(12) {
      $0.appendInteger(id)
      Self.append(handle, to: &$0)
    }
  }

  // MARK: Packets

  private static func packet(_ type: UInt8, _ body: (inout [UInt8]) -> Void) -> [UInt8] {
    var content: [UInt8] = [type]
    body(&content)
    var packet: [UInt8] = []
    packet.appendInteger(UInt32(truncatingIfNeeded: content.count))
    return packet + content
  }

  private static func append(_ bytes: [UInt8], to packet: inout [UInt8]) {
    packet.appendInteger(UInt32(truncatingIfNeeded: bytes.count))
    packet += bytes
  }

  private static func readString(_ reader: inout WireReader) throws(WireError) -> [UInt8] {
    let length = try Unverified(reader.readUInt32("length")).verified(atMost: 256 * 1024, "length")
    return try reader.readBytes(length, "string")
  }

  private static func skipAttributes(_ reader: inout WireReader) throws(WireError) {
    let flags = try reader.readUInt32("flags")
    for (bit, size) in [(1, 8), (2, 8), (4, 4), (8, 8)] as [(UInt32, Int)] where flags & bit != 0 {
      try reader.skip(size, "attributes")
    }
    guard flags & 0x8000_0000 != 0 else { return }
    let count = try Unverified(reader.readUInt32("count")).verified(atMost: 1_000, "count")
    for _ in 0..<(2 * count) { _ = try readString(&reader) }
  }
}
