import WireKit

/// What the peer's SETTINGS say, as far as it concerns us (RFC 9113 §6.5.2).
struct HTTP2Settings: Sendable {
  /// The window that each of its streams begins with.
  var initialWindow = 65_535
  /// The largest payload that it takes.
  var maximumFrameSize = 16_384
  /// Streams that it lets us open; for the client's end.
  var maximumStreams = UInt32.max

  /// Takes the payload of a SETTINGS frame.
  mutating func apply(_ payload: RawSpan) throws(HTTP2Error) {
    guard payload.byteCount % 6 == 0 else { throw .connection(.frameSizeError, "SETTINGS not a multiple of six") }
    var index = 0
    while index < payload.byteCount {
      let identifier = UInt16(payload[index]) << 8 | UInt16(payload[index + 1])
      let value = payload.number(at: index + 2)
      index += 6
      switch identifier {
      case 0x2:
        guard value <= 1 else { throw .connection(.protocolError, "ENABLE_PUSH neither 0 nor 1") }
      case 0x3: maximumStreams = value
      case 0x4:
        guard value <= 0x7FFF_FFFF else { throw .connection(.flowControlError, "INITIAL_WINDOW_SIZE too large") }
        initialWindow = Int(value)
      case 0x5:
        guard value >= 16_384, value <= 16_777_215 else {
          throw .connection(.protocolError, "MAX_FRAME_SIZE out of bounds")
        }
        maximumFrameSize = Int(value)
      default: break
      }
    }
  }

  /// The preface that a client sends first (RFC 9113 §3.4).
  static var clientPreface: StaticString { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }

  /// Compares input with the preface: `nil` while it is too short to tell.
  static func isPreface(_ input: RawSpan) -> Bool? {
    let count = min(input.byteCount, clientPreface.utf8CodeUnitCount)
    let matches = clientPreface.withUTF8Buffer { preface in
      for index in 0..<count where input[index] != preface[index] { return false }
      return true
    }
    if !matches { return false }
    return count == clientPreface.utf8CodeUnitCount ? true : nil
  }
}
