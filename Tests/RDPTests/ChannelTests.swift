import Testing

@testable import RDPCore

/// Virtual channels, the clipboard and the graphics pipeline, message by message.
struct ChannelTests {
  private func chunk(_ data: [UInt8], total: Int, flags: UInt32) -> [UInt8] {
    NTLMSession.littleEndian(UInt32(total)) + NTLMSession.littleEndian(flags) + data
  }

  private func take(_ channel: inout StaticChannel, _ bytes: [UInt8]) throws -> [UInt8]? {
    try channel.take(bytes.span.bytes)
  }

  @Test func chunksBecomeMessages() throws {
    var channel = StaticChannel(number: 1004, limit: 10)
    let first = try take(&channel, chunk([1, 2], total: 4, flags: 1))
    let second = try take(&channel, chunk([3, 4], total: 4, flags: 2))
    #expect(first == nil && second == [1, 2, 3, 4])
    let tooLong = try take(&channel, chunk([1], total: 11, flags: 3))
    #expect(tooLong == nil)
    #expect(throws: (any Error).self) { _ = try take(&channel, chunk([1, 2, 3], total: 2, flags: 3)) }
    #expect(throws: (any Error).self) { _ = try take(&channel, chunk([1], total: 2, flags: 3)) }
    #expect(throws: (any Error).self) { _ = try take(&channel, chunk([1], total: 1, flags: 0x20_0003)) }
  }

  @Test func dynamicMessages() throws {
    var channels = DynamicChannels()
    func take(_ bytes: [UInt8]) throws -> DynamicChannels.Event { try channels.take(bytes.span.bytes) }
    #expect(try take([0x50, 0, 1, 0]) == .ready)
    #expect(try take([0x30, 2, 9]) == .nothing, "data on a channel that is not open")
    #expect(try take([0x10, 2, 0, 0, 0, 0]) == .opened(.displayControl))
    #expect(try take([0x10, 1, 1, 0, 0, 0x80]) == .refused(.graphics))
    #expect(try take([0x30, 2, 9, 8]) == .message(.displayControl, [9, 8]))
    #expect(try take([0x20, 2, 3, 1]) == .nothing)
    #expect(try take([0x30, 2, 2, 3]) == .message(.displayControl, [1, 2, 3]))
    #expect(throws: (any Error).self) { _ = try take([0x24, 2, 0xFF, 0xFF, 1]) }
    #expect(try take([0x40, 2]) == .closed(.displayControl))
    for length in [0, 1, 1598, 1599, 1600, 3194, 100_000] {
      var (joined, announced) = ([UInt8](), length)
      DynamicChannels.encode([UInt8](repeating: 7, count: length), for: .graphics) { piece in
        #expect(piece.count <= StaticChannel.chunk)
        let isFirst = piece[0] == 0x28
        if isFirst { announced = (0..<4).reduce(0) { $0 | Int(piece[2 + $1]) << (8 * $1) } }
        joined += piece[(isFirst ? 6 : 2)...]
      }
      #expect(joined.count == length && announced == length)
    }
  }

  @Test func clipboardBothWays() throws {
    var clipboard = Clipboard(limit: 1000)
    clipboard.begin()
    #expect(clipboard.takeOutgoing().map(\.count) == [24, 8])
    _ = try clipboard.take([7, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 12, 0, 2, 0, 0, 0, 2, 0, 0, 0])
    clipboard.paste()
    #expect(clipboard.takeOutgoing().isEmpty, "the client has offered nothing")
    _ = try clipboard.take([2, 0, 0, 0, 12, 0, 0, 0, 7, 0, 0, 0, 0, 0, 13, 0, 0, 0, 0, 0])
    clipboard.paste()
    #expect(clipboard.takeOutgoing().last == [4, 0, 0, 0, 4, 0, 0, 0, 13, 0, 0, 0])
    #expect(try clipboard.take([5, 0, 1, 0, 4, 0, 0, 0, 0x41, 0, 0, 0]) == .text("A"))
    #expect(try clipboard.take([5, 0, 1, 0, 4, 0, 0, 0, 0x41, 0, 0, 0]) == .nothing, "nobody asked")
    clipboard.copy("a\nb")
    _ = clipboard.takeOutgoing()
    _ = try clipboard.take([4, 0, 0, 0, 4, 0, 0, 0, 13, 0, 0, 0])
    #expect(clipboard.takeOutgoing() == [[5, 0, 1, 0, 10, 0, 0, 0, 97, 0, 13, 0, 10, 0, 98, 0, 0, 0]])
    #expect(throws: (any Error).self) { _ = try clipboard.take([2, 0, 0, 0, 99, 0, 0, 0]) }
  }

  @Test func monitorLayouts() throws {
    var layout: [UInt8] = []
    for value in [2, 56, 40, 1, 1, 0, 0, 1280, 720, 0, 0, 0, 100, 100] as [UInt32] {
      layout += NTLMSession.littleEndian(value)
    }
    let size = try DisplayControl.size(in: layout)
    #expect(size?.width == 1280 && size?.height == 720 && size?.scale == 100)
    #expect(throws: (any Error).self) { _ = try DisplayControl.size(in: Array(layout.dropLast())) }
  }

  private func advertise(_ versions: [(UInt32, UInt32)]) -> [UInt8] {
    var body: [UInt8] = [UInt8(versions.count), 0]
    for (version, flags) in versions {
      body += NTLMSession.littleEndian(version) + NTLMSession.littleEndian(4) + NTLMSession.littleEndian(flags)
    }
    return [0x12, 0, 0, 0] + NTLMSession.littleEndian(UInt32(body.count + 8)) + body
  }

  @Test func thePipelineTakesTheBestVersionAndHoldsBack() throws {
    var pipeline = GraphicsPipeline()
    pipeline.stage = .opening
    let (answers, isNew) = try pipeline.take(advertise([(0x0008_0004, 2), (0x000A_0400, 0), (0x000B_0000, 0)]))
    #expect(isNew && pipeline.version == 0x000A_0400 && answers.first?.first == 0x13)
    let reset = pipeline.reset(width: 800, height: 600)
    #expect(reset.map { $0[0] } == [0x0E, 0x09, 0x0F] && reset[0].count == 340)
    for _ in 0..<3 { _ = pipeline.startFrame() }
    #expect(!pipeline.hasRoom)
    // The latest counts, also when those before it are left out.
    _ = try pipeline.take([0x0D, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0])
    #expect(pipeline.hasRoom)
    for _ in 0..<9 { _ = pipeline.startFrame() }
    _ = try pipeline.take([0x0D, 0, 0, 0, 20, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 3, 0, 0, 0, 3, 0, 0, 0])
    #expect(pipeline.hasRoom, "a client that acknowledges nothing is not waited for")
  }

  @Test func whatIsCompressedComesBack() throws {
    var compressor = BulkCompressor()
    var receiver = Decoders.Bulk()
    var messages: [[UInt8]] = [[], [1], [1, 2], Array(0...255), [UInt8](repeating: 0, count: 70_000)]
    messages.append((0..<70_000).map { UInt8(truncatingIfNeeded: $0 / 3) })
    let line = Array("a line of text that comes again and again, with something else in it: ".utf8)
    for round in 0..<40 { messages.append(line + [UInt8(truncatingIfNeeded: round)] + line) }
    // Noise, until the history has been cut several times; and what was sent just before the cut is found again.
    var state: UInt32 = 1
    for _ in 0..<14 {
      messages.append(
        (0..<60_000).map { _ in
          state = state &* 1_664_525 &+ 1_013_904_223
          return UInt8(truncatingIfNeeded: state >> 24)
        })
      messages.append(line)
    }
    var sizes: [Int] = []
    for message in messages {
      let sent = compressor.segmented(message)
      sizes.append(sent.count)
      #expect(try receiver.take(sent) == message)
    }
    #expect(sizes[4] < 100 && sizes[44] < 24, "\(sizes.prefix(46))")
    #expect(sizes[46] <= 60_002, "noise grows by its headers alone")
  }

  @Test func longMessagesAreCut() {
    var compressor = BulkCompressor()
    let long = compressor.segmented([UInt8](repeating: 1, count: 70_000))
    #expect(long[0] == 0xE1 && long[1] == 2)
  }
}
