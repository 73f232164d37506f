import DNSCore
import WireKit

extension FuzzTarget {
  static let dnsReplies = FuzzTarget(
    "dns-replies",
    "A reply that is kept is repeated as it was; after a while with lower TTLs alone; never to another query."
  ) { bytes in
    let responder = try answering.get()
    for transport in [DNSTransport.udp, .stream] {
      let cache = ReplyCache(maximumSize: 1)
      try require(recall(bytes, cache, transport, at: 1) == nil, "a reply out of nothing")
      guard let reply = answer(bytes, responder, transport) else { continue }
      let start = MonotonicTime(nanoseconds: 0)
      cache.store(reply, to: bytes, over: transport, generation: 0, now: start, until: start + .seconds(60))
      guard let repeated = recall(bytes, cache, transport, at: 0) else { continue }
      try require(repeated == reply, "\(repeated.count) octets instead of \(reply.count)")
      let later = recall(bytes, cache, transport, at: 59)
      try require(later?.count == reply.count, "another length later")
      try require(recall(bytes, cache, transport, at: 60) == nil, "past its end")
      // Who checks by itself asks for something else.
      var other = bytes
      other[3] ^= 0x10
      try require(recall(other, cache, transport, at: 0) == nil, "the same with and without CD")
    }
  }

  private static let answering = Result { Responder(zones: try SampleZones.make()) }

  private static func recall(_ request: [UInt8], _ cache: ReplyCache, _ transport: DNSTransport, at second: UInt64)
    -> [UInt8]?
  {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65535, alignment: 16)
    defer { memory.deallocate() }
    var writer = FixedWriter(memory.mutableBytes)
    let now = MonotonicTime(nanoseconds: second * 1_000_000_000)
    guard cache.write(replyTo: request.span.bytes, over: transport, now: now, into: &writer) else { return nil }
    return writer.written.copied()
  }

  private static func answer(_ request: [UInt8], _ responder: Responder, _ transport: DNSTransport) -> [UInt8]? {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65535, alignment: 16)
    defer { memory.deallocate() }
    var writer = FixedWriter(memory.mutableBytes)
    guard responder.respond(to: request.span.bytes, over: transport, into: &writer) != nil else { return nil }
    return writer.written.copied()
  }
}
