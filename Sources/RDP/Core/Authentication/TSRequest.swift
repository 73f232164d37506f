import WireKit

/// A message of CredSSP (MS-CSSP 2.2.1).
struct TSRequest: Sendable {
  var version: UInt32 = 6
  var token: [UInt8]?
  var authInfo: [UInt8]?
  var publicKeyAuth: [UInt8]?
  var errorCode: UInt32?
  var clientNonce: [UInt8]?

  /// Bytes that one may have: tokens, keys and credentials of 64 KiB at most altogether.
  static let maximumSize = 65_536

  init() {}

  /// The length of the message at the front of the input; `nil` while that is not known or not there.
  static func length(in input: RawSpan) throws(WireError) -> Int? {
    guard let tag = input.byte(at: 0) else { return nil }
    guard tag == 0x30 else { throw WireError(.malformed, "TSRequest") }
    var reader = WireReader(input)
    try reader.skip(1, "tag")
    let length: Int
    do { length = try reader.readBERLength("TSRequest") } catch {
      if error.code == .truncated { return nil }
      throw error
    }
    guard length + reader.offset <= maximumSize else { throw WireError(.tooLong, "TSRequest") }
    return input.byteCount >= length + reader.offset ? length + reader.offset : nil
  }

  init(_ message: RawSpan) throws(WireError) {
    var outer = WireReader(message)
    var fields = WireReader(try outer.readBER(0x30, "TSRequest"))
    var wrapped = WireReader(try fields.readBER(0xA0, "version"))
    version = try wrapped.readBERInteger("version")
    while !fields.isAtEnd {
      let tag = try fields.readUInt8("field")
      let content = try fields.readSpan(try fields.readBERLength("field"), "field")
      var field = WireReader(content)
      switch tag {
      case 0xA1:
        var list = WireReader(try field.readBER(0x30, "negoTokens"))
        var item = WireReader(try list.readBER(0x30, "negoToken"))
        var choice = WireReader(try item.readBER(0xA0, "negoToken"))
        token = try choice.readBER(0x04, "negoToken").copied()
      case 0xA2: authInfo = try field.readBER(0x04, "authInfo").copied()
      case 0xA3: publicKeyAuth = try field.readBER(0x04, "pubKeyAuth").copied()
      case 0xA4: errorCode = try field.readBERInteger("errorCode")
      case 0xA5: clientNonce = try field.readBER(0x04, "clientNonce").copied()
      default: throw WireError(.unsupported, "TSRequest field", at: fields.offset)
      }
    }
  }

  func encode(into output: inout [UInt8]) {
    output.appendBER(0x30) { fields in
      fields.appendBER(0xA0) { $0.appendBERInteger(version) }
      if let token {
        fields.appendBER(0xA1) { list in
          list.appendBER(0x30) { $0.appendBER(0x30) { $0.appendBER(0xA0) { $0.appendBER(0x04) { $0 += token } } } }
        }
      }
      for (tag, value) in [(UInt16(0xA2), authInfo), (0xA3, publicKeyAuth)] {
        if let value { fields.appendBER(tag) { $0.appendBER(0x04) { $0 += value } } }
      }
      if let errorCode {
        // An NTSTATUS is a signed number of four bytes.
        fields.appendBER(0xA4) { field in
          field += [2, 4]
          field.appendInteger(errorCode)
        }
      }
      if let clientNonce { fields.appendBER(0xA5) { $0.appendBER(0x04) { $0 += clientNonce } } }
    }
  }
}
