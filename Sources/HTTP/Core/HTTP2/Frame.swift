import WireKit

/// The frame types of HTTP/2 (RFC 9113 §6).
enum FrameType: UInt8, Sendable {
  case data, headers, priority, rstStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
}

/// The flags of a frame. Their meaning depends on the type.
struct FrameFlags: OptionSet, Sendable {
  let rawValue: UInt8
  static let ack = FrameFlags(rawValue: 0x1)
  static let endStream = FrameFlags(rawValue: 0x1)
  static let endHeaders = FrameFlags(rawValue: 0x4)
  static let padded = FrameFlags(rawValue: 0x8)
  static let priority = FrameFlags(rawValue: 0x20)
}

/// The nine octets before a frame's payload (RFC 9113 §4.1).
struct FrameHeader: Sendable {
  static let size = 9

  var length: Int
  var type: UInt8
  var flags: FrameFlags
  var stream: UInt32

  /// From the first nine octets of `bytes`; `nil` when there are fewer. The reserved bit is ignored.
  init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= Self.size else { return nil }
    length = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
    type = bytes[3]
    flags = FrameFlags(rawValue: bytes[4])
    stream = bytes.number(at: 5) & 0x7FFF_FFFF
  }
}

/// Error codes of HTTP/2 (RFC 9113 §7).
struct HTTP2ErrorCode: Hashable, Sendable {
  let number: UInt32
  init(_ number: UInt32) { self.number = number }

  static var noError: Self { Self(0x0) }
  static var protocolError: Self { Self(0x1) }
  static var internalError: Self { Self(0x2) }
  static var flowControlError: Self { Self(0x3) }
  static var streamClosed: Self { Self(0x5) }
  static var frameSizeError: Self { Self(0x6) }
  static var refusedStream: Self { Self(0x7) }
  static var cancel: Self { Self(0x8) }
  static var compressionError: Self { Self(0x9) }
  static var enhanceYourCalm: Self { Self(0xB) }
}

/// What went wrong on an HTTP/2 connection: for one stream, or for all of it (RFC 9113 §5.4).
struct HTTP2Error: Error, Sendable {
  enum Scope: Hashable, Sendable {
    case connection
    case stream(UInt32)
  }

  let scope: Scope
  let code: HTTP2ErrorCode
  let diagnosis: StaticString

  static func connection(_ code: HTTP2ErrorCode, _ diagnosis: StaticString) -> HTTP2Error {
    HTTP2Error(scope: .connection, code: code, diagnosis: diagnosis)
  }

  static func stream(_ id: UInt32, _ code: HTTP2ErrorCode, _ diagnosis: StaticString) -> HTTP2Error {
    HTTP2Error(scope: .stream(id), code: code, diagnosis: diagnosis)
  }
}

extension RawSpan {
  /// Four octets in network order. The caller has checked that they are there.
  func number(at index: Int) -> UInt32 {
    UInt32(self[index]) << 24 | UInt32(self[index + 1]) << 16 | UInt32(self[index + 2]) << 8 | UInt32(self[index + 3])
  }

  /// The payload of a DATA or HEADERS frame without padding and priority (RFC 9113 §6.1, §6.2).
  func unpadded(_ flags: FrameFlags, dependencyOf stream: UInt32) throws(HTTP2Error) -> Range<Int> {
    var (start, end) = (0, byteCount)
    if flags.contains(.padded) {
      guard byteCount > 0 else { throw .connection(.frameSizeError, "padded frame without a length") }
      start = 1
      end -= Int(self[0])
    }
    // DATA has no such flag: 0x20 is undefined there, and its caller takes it away.
    if flags.contains(.priority) {
      guard byteCount - start >= 5 else { throw .connection(.frameSizeError, "HEADERS too short for its priority") }
      guard number(at: start) & 0x7FFF_FFFF != stream else {
        throw .connection(.protocolError, "stream depends on itself")
      }
      start += 5
    }
    guard start <= end else { throw .connection(.protocolError, "padding longer than the frame") }
    return start..<end
  }
}

extension [UInt8] {
  /// Appends a frame header.
  mutating func append(frame type: FrameType, _ flags: FrameFlags = [], stream: UInt32, length: Int) {
    append(UInt8(truncatingIfNeeded: length >> 16))
    append(UInt8(truncatingIfNeeded: length >> 8))
    append(UInt8(truncatingIfNeeded: length))
    append(type.rawValue)
    append(flags.rawValue)
    appendInteger(stream)
  }

  /// Writes a field section that was appended from `start` on, behind nine octets kept free, as HEADERS and as many
  /// CONTINUATION frames as `frameSize` makes necessary.
  mutating func finishHeaders(from start: Int, stream: UInt32, endStream: Bool, frameSize: Int) {
    let length = count - start - FrameHeader.size
    let flags: FrameFlags = endStream ? .endStream : []
    if length <= frameSize { return setHeader(at: start, .headers, flags.union(.endHeaders), stream, length) }
    let section = Array(self[(start + FrameHeader.size)...])
    removeSubrange(start...)
    var offset = 0
    while offset < section.count {
      let part = Swift.min(frameSize, section.count - offset)
      let last: FrameFlags = offset + part == section.count ? .endHeaders : []
      append(
        frame: offset == 0 ? .headers : .continuation, offset == 0 ? flags.union(last) : last, stream: stream,
        length: part)
      append(contentsOf: section[offset..<(offset + part)])
      offset += part
    }
  }

  private mutating func setHeader(
    at start: Int, _ type: FrameType, _ flags: FrameFlags, _ stream: UInt32, _ length: Int
  ) {
    setInteger(UInt32(truncatingIfNeeded: length << 8) | UInt32(type.rawValue), at: start)
    self[start + 4] = flags.rawValue
    setInteger(stream, at: start + 5)
  }
}
