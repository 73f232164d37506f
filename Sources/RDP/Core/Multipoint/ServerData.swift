/// The server's answer to `ClientData`: an MCS Connect Response with the server's blocks (MS-RDPBCGR 2.2.1.4).
struct ServerData {
  /// What the client asked for in its connection request, said back against a man in the middle.
  var requestedProtocols: SecurityProtocols
  /// The numbers of the static channels, in the order in which the client named them.
  var channels: [UInt16]
  /// The number of the message channel, where the client wants one.
  var messageChannel: UInt16?

  func encode(into output: inout [UInt8]) {
    output.appendX224Data { output in
      output.appendBER(0x7F66) { response in
        response.append(contentsOf: [0x0A, 1, 0, 2, 1, 0])
        response.appendBER(0x30) { parameters in
          for value in [34, 3, 0, 1, 0, 1, 65_528, 2] as [UInt32] { parameters.appendBERInteger(value) }
        }
        response.appendBER(0x04) { encodeConference(into: &$0) }
      }
    }
  }

  /// The ConferenceCreateResponse of T.124 §8.7.
  private func encodeConference(into output: inout [UInt8]) {
    let blocks = blocks
    output.append(contentsOf: [0x00, 0x05, 0x00, 0x14, 0x7C, 0x00, 0x01])
    var body: [UInt8] = [0x14, 0x76, 0x0A, 0x01, 0x01, 0x00, 0x01, 0xC0, 0x00] + Array("McDn".utf8)
    body.appendPERLength(blocks.count)
    output.appendPERLength(body.count + blocks.count)
    output += body + blocks
  }

  private var blocks: [UInt8] {
    var blocks: [UInt8] = []
    // SC_CORE: version 5.4 and later as RDP 5.0 has it, the requested protocols, no early capabilities.
    Self.block(0x0C01, into: &blocks) {
      $0.appendLittleEndian(UInt32(0x0008_0004))
      $0.appendLittleEndian(requestedProtocols.rawValue)
      $0.appendLittleEndian(UInt32(0))
    }
    // SC_SECURITY: no encryption of RDP's own; TLS is beneath.
    Self.block(0x0C02, into: &blocks) { $0.append(contentsOf: [UInt8](repeating: 0, count: 8)) }
    Self.block(0x0C03, into: &blocks) { block in
      block.appendLittleEndian(ServerChannels.io)
      block.appendLittleEndian(UInt16(clamping: channels.count))
      for channel in channels { block.appendLittleEndian(channel) }
      if channels.count % 2 == 1 { block.appendLittleEndian(UInt16(0)) }
    }
    if let messageChannel { Self.block(0x0C04, into: &blocks) { $0.appendLittleEndian(messageChannel) } }
    return blocks
  }

  private static func block(_ type: UInt16, into output: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    let start = output.count
    output.appendLittleEndian(type)
    output.appendLittleEndian(UInt16(0))
    body(&output)
    output.setLittleEndian(UInt16(clamping: output.count - start), at: start + 2)
  }
}
