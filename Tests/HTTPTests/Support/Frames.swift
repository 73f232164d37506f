@testable import HTTPCore
import WireKit

/// Builds frames of HTTP/2 for tests, right or wrong.
enum Frames {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  static func frame(_ type: UInt8, _ flags: UInt8 = 0, _ stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    var bytes: [UInt8] = [
      UInt8(truncatingIfNeeded: payload.count >> 16), UInt8(truncatingIfNeeded: payload.count >> 8),
      UInt8(truncatingIfNeeded: payload.count), type, flags,
    ]
    bytes.appendInteger(stream)
    return bytes + payload
  }

  static func settings(_ parameters: [(UInt16, UInt32)] = []) -> [UInt8] {
    var payload: [UInt8] = []
    for (identifier, value) in parameters { payload.append(setting: identifier, value) }
    return frame(4, 0, 0, payload)
  }

  static let settingsAck = frame(4, 1)

  /// A field section of literals.
  static func section(_ fields: [(String, String)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (name, value) in fields {
      bytes.append(0)
      HPACKEncoder.append(string: Array(name.utf8).span.bytes, to: &bytes)
      HPACKEncoder.append(string: Array(value.utf8).span.bytes, to: &bytes)
    }
    return bytes
  }

  static let get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
  static let post = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")]

  static func headers(_ stream: UInt32, _ fields: [(String, String)] = get, flags: UInt8 = 0x5) -> [UInt8] {
    frame(1, flags, stream, section(fields))
  }

  static func data(_ stream: UInt32, _ count: Int, end: Bool = false) -> [UInt8] {
    frame(0, end ? 1 : 0, stream, [UInt8](repeating: 0x78, count: count))
  }

  static func number(_ value: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(value)
    return bytes
  }

  static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] { frame(8, 0, stream, number(increment)) }
  static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] { frame(3, 0, stream, number(code)) }
  static let ping = frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])

  /// Takes what a server wrote apart again.
  static func parse(_ bytes: [UInt8]) -> [Frame] {
    var result: [Frame] = []
    var index = 0
    while let header = FrameHeader(bytes.span.bytes.extracting(index..<bytes.count)) {
      let start = index + 9
      guard start + header.length <= bytes.count else { break }
      result.append(
        Frame(
          type: header.type, flags: header.flags.rawValue, stream: header.stream,
          payload: Array(bytes[start..<(start + header.length)])))
      index = start + header.length
    }
    return result
  }
}

struct Frame: Equatable {
  var type: UInt8
  var flags: UInt8
  var stream: UInt32
  var payload: [UInt8]

  /// The number at an offset of the payload; all ones when the payload is too short.
  func number(at offset: Int) -> UInt32 {
    payload.count >= offset + 4 ? payload.span.bytes.number(at: offset) : .max
  }
  /// Fields of a field section; of a fresh decoder, as our encoder uses no dynamic table.
  var fields: Fields {
    var decoder = HPACKDecoder()
    var fields = Fields()
    _ = try? decoder.decode(payload.span.bytes, bounds: .init(size: 100_000, fields: 1000), into: &fields)
    return fields
  }
}
