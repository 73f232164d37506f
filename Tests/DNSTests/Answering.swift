import DNSCore
import Testing
import WireKit

/// A responder over zones written in the test, asked with messages.
struct Answering {
  let zones: ZoneSet
  var settings = ResponderSettings()

  /// Zones by apex; each text must make a zone without errors.
  init(_ zones: [(apex: String, text: String)], settings: ResponderSettings = ResponderSettings()) throws {
    self.settings = settings
    self.zones = ZoneSet(
      ZoneCatalog(
        try zones.map { apex, text in
          let bytes = Array(text.utf8)
          let (zone, findings) = Zone.load(bytes.span.bytes, apex: try Name(apex))
          return try #require(zone, "\(findings)")
        }))
  }

  /// The octets of the reply; `nil` is silence.
  func reply(to request: [UInt8], over transport: DNSTransport = .udp) -> [UInt8]? {
    let responder = Responder(zones: zones, settings: settings)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65535, alignment: 16)
    defer { memory.deallocate() }
    var writer = FixedWriter(memory.mutableBytes)
    guard responder.respond(to: request.span.bytes, over: transport, into: &writer) != nil else { return nil }
    return writer.written.copied()
  }

  /// Asks; the reply must decode, and repeat id and question.
  func ask(
    _ name: String, _ type: RecordType, _ recordClass: RecordClass = .in, edns: EDNS? = EDNS(),
    over transport: DNSTransport = .udp
  ) throws -> Message {
    let question = Question(try Name(name), type, recordClass)
    let request = Message(header: Header(id: 0x1234, flags: .recursionDesired), questions: [question], edns: edns)
    let bytes = try #require(reply(to: try request.encoded(), over: transport))
    let message = try Message.decode(bytes.span.bytes)
    #expect(message.header.id == 0x1234)
    #expect(message.header.flags.contains(.response))
    #expect(message.questions == [question])
    return message
  }
}

extension Message {
  /// One line for each record, sorted: `answer www.lab.test. 3600 IN A 192.0.2.1`.
  var lines: [String] {
    (answers.map { "answer \($0)" } + authorities.map { "authority \($0)" } + additionals.map { "additional \($0)" })
      .sorted()
  }
}
