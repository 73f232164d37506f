@testable import HTTPCore
import Testing
import WireKit

@Suite struct HPACKTests {
  struct Section {
    var wire: String
    var fields: [(String, String)]
    var table: Int
    init(_ wire: String, _ table: Int, _ fields: [(String, String)]) {
      self.wire = wire
      self.table = table
      self.fields = fields
    }
  }

  static let request: [[(String, String)]] = [
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    [
      (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"),
      ("cache-control", "no-cache"),
    ],
    [
      (":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com"),
      ("custom-key", "custom-value"),
    ],
  ]

  static let response: [[(String, String)]] = [
    [
      (":status", "302"), ("cache-control", "private"), ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
      ("location", "https://www.example.com"),
    ],
    [
      (":status", "307"), ("cache-control", "private"), ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
      ("location", "https://www.example.com"),
    ],
    [
      (":status", "200"), ("cache-control", "private"), ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
      ("location", "https://www.example.com"), ("content-encoding", "gzip"),
      ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ],
  ]

  /// RFC 7541 appendix C.3 to C.6, with the size of the dynamic table after each section.
  @Test(arguments: [
    (
      4096,
      [
        ("828684410f7777772e6578616d706c652e636f6d", 57), ("828684be58086e6f2d6361636865", 110),
        ("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", 164),
      ], true
    ),
    (
      4096,
      [
        ("828684418cf1e3c2e5f23a6ba0ab90f4ff", 57), ("828684be5886a8eb10649cbf", 110),
        ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", 164),
      ], true
    ),
    (
      256,
      [
        (
          "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
          222
        ),
        ("4803333037c1c0bf", 222),
        (
          "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
          215
        ),
      ], false
    ),
    (
      256,
      [
        (
          "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
          222
        ),
        ("4883640effc1c0bf", 222),
        (
          "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
          215
        ),
      ], false
    ),
  ])
  func appendixC(_ size: Int, _ sections: [(String, Int)], _ isRequest: Bool) throws {
    var decoder = HPACKDecoder(maximumTableSize: size)
    for (index, section) in sections.enumerated() {
      var fields = Fields()
      let bytes = hexadecimal(section.0)
      #expect(try decoder.decode(bytes.span.bytes, bounds: .init(size: 10_000, fields: 100), into: &fields))
      let expected = (isRequest ? Self.request : Self.response)[index]
      #expect(fields.count == expected.count)
      for (position, field) in expected.enumerated() where position < fields.count {
        #expect(fields.name(at: position) == field.0)
        #expect(fields.value(at: position) == field.1)
      }
      #expect(decoder.tableSize == section.1)
    }
  }

  @Test func theEncoderIsUnderstood() throws {
    var fields = Fields()
    for (name, value) in [
      ("Content-Type", "text/html; charset=utf-8"), ("X-Anything", "äöü \"quoted\" {}"), ("Set-Cookie", "a=b"),
      ("Empty", ""), ("ETag", "\"abc-123\""), ("X-All", (0x20...0x7E).map { String(UnicodeScalar($0)) }.joined()),
    ] { fields.append(name, value) }
    var wire: [UInt8] = []
    HPACKEncoder.append(status: Status(418), to: &wire)
    HPACKEncoder.append(fields: fields, to: &wire)
    var decoder = HPACKDecoder()
    var read = Fields()
    #expect(try decoder.decode(wire.span.bytes, bounds: .init(size: 10_000, fields: 100), into: &read))
    #expect(read.value(at: 0) == "418")
    #expect(decoder.tableCount == 0)
    for index in 0..<fields.count {
      #expect(read.name(at: index + 1) == fields.name(at: index).lowercased())
      #expect(read.value(at: index + 1) == fields.value(at: index))
    }
  }

  @Test func huffmanRoundTripsEveryOctet() throws {
    for length in [1, 2, 3, 7, 64] {
      for first in 0...255 {
        let text = (0..<length).map { UInt8(truncatingIfNeeded: first + $0 * 37) }
        var wire: [UInt8] = []
        HPACKEncoder.append(string: text.span.bytes, to: &wire)
        var reader = HPACKReader(wire.span.bytes)
        var read: [UInt8] = []
        try reader.string(into: &read)
        #expect(read == text)
      }
    }
  }

  @Test(arguments: [
    "80", "be", "ff8080808001", "ffffffffff0f", "3fe21f", "8220", "00", "0003", "000361", "4182ff", "4184ffffffff",
    "4181fe", "418100", "4182f8ff", "7f", "400161", "c0", "003fe11f",
  ])
  func refuses(_ wire: String) {
    var decoder = HPACKDecoder()
    var fields = Fields()
    let bytes = hexadecimal(wire)
    #expect(throws: HPACKError.self) {
      _ = try decoder.decode(bytes.span.bytes, bounds: .init(size: 10_000, fields: 100), into: &fields)
    }
  }

  @Test func tableSizeUpdatesEvict() throws {
    var decoder = HPACKDecoder()
    var fields = Fields()
    let bounds = HPACKDecoder.Bounds(size: 10_000, fields: 100)
    _ = try decoder.decode(
      hexadecimal("400a637573746f6d2d6b65790c637573746f6d2d76616c7565").span.bytes, bounds: bounds, into: &fields)
    #expect(decoder.tableCount == 1)
    #expect(decoder.tableEntry(62)?.value == "custom-value")
    _ = try decoder.decode(hexadecimal("20").span.bytes, bounds: bounds, into: &fields)
    #expect(decoder.tableCount == 0)
    _ = try decoder.decode(hexadecimal("3fe11f82").span.bytes, bounds: bounds, into: &fields)
    #expect(throws: HPACKError.self) {
      _ = try decoder.decode(hexadecimal("3fe21f82").span.bytes, bounds: bounds, into: &fields)
    }
  }

  /// Thousands of insertions, some of them empty: the table keeps its bounds, and references stay right.
  @Test func theTableTurnsOver() throws {
    var decoder = HPACKDecoder()
    for round in 0..<5000 {
      var wire: [UInt8] = [0x40]
      HPACKEncoder.append(string: Array("n\(round % 7)".utf8).span.bytes, to: &wire)
      HPACKEncoder.append(string: [UInt8](repeating: 0x61, count: round % 90).span.bytes, to: &wire)
      wire.append(0xBE)
      var fields = Fields()
      #expect(try decoder.decode(wire.span.bytes, bounds: .init(size: 10_000, fields: 100), into: &fields))
      #expect(fields.value(at: 1).utf8.count == round % 90)
      #expect(fields.name(at: 1) == "n\(round % 7)")
      #expect(decoder.tableSize <= 4096)
    }
  }

  @Test func aBombIsCutShort() throws {
    var wire: [UInt8] = [0x40, 0x01, 0x61, 0x7F, 0xA1, 0x1E]
    wire += [UInt8](repeating: 0x62, count: 4000)
    wire += [UInt8](repeating: 0xBE, count: 60_000)
    var decoder = HPACKDecoder()
    var fields = Fields()
    #expect(throws: HPACKError.self) {
      _ = try decoder.decode(wire.span.bytes, bounds: .init(size: 32_768, fields: 128), into: &fields)
    }
    #expect(fields.count <= 128)
  }
}

/// The octets of a hexadecimal text; spaces are passed over.
func hexadecimal(_ text: String) -> [UInt8] {
  let digits = text.utf8.compactMap { Characters.hexadecimal($0) }
  return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
