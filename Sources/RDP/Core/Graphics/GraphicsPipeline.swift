import WireKit

/// The graphics pipeline (MS-RDPEGFX): one surface of the desktop's size; solid fills, moves within the surface, planar.
struct GraphicsPipeline: Sendable {
  enum Stage: Sendable {
    /// The client has none, or has refused it.
    case absent
    /// The channel is being opened, or the client has not told its versions yet: no frame until then.
    case opening
    case ready
  }

  /// The versions of 2.2.3 that this server knows, best first. 10.1 has another form and nothing of its own.
  private static let versions: [UInt32] = [
    0x000A_0701, 0x000A_0600, 0x000A_0502, 0x000A_0400, 0x000A_0301, 0x000A_0200, 0x000A_0002, 0x0008_0105, 0x0008_0004,
  ]
  private static let surface: UInt16 = 1
  private static let xrgb: UInt8 = 0x20
  /// Frames that may be on their way without an acknowledgement.
  private static let maximumUnacknowledged: UInt32 = 3

  var stage = Stage.absent
  private(set) var version: UInt32 = 0
  private var frame: UInt32 = 0
  /// The latest that was acknowledged: some may be left out, the latest counts.
  private var acknowledged: UInt32 = 0
  /// The client acknowledges nothing for the time being (SUSPEND_FRAME_ACKNOWLEDGEMENT).
  private var isUnacknowledged = false
  private var hasSurface = false
  private var compressor = BulkCompressor()

  /// Whether another frame may be sent.
  var hasRoom: Bool { isUnacknowledged || frame &- acknowledged < Self.maximumUnacknowledged }

  /// Takes a message of the client's. Returns messages for it, and whether the pipeline has just become ready.
  mutating func take(_ message: [UInt8]) throws(WireError) -> (answers: [[UInt8]], isNew: Bool) {
    let span = message.span.bytes
    var reader = WireReader(span)
    let command: UInt16 = try reader.readLittleEndian("graphics command")
    try reader.skip(6, "graphics header")
    switch command {
    case 0x12:
      guard let flags = try choose(&reader) else { return ([], false) }
      let isNew = stage == .opening
      stage = .ready
      var body: [UInt8] = []
      body.appendLittleEndian(version)
      body.appendLittleEndian(UInt32(4))
      body.appendLittleEndian(flags)
      return ([Self.command(0x13, body)], isNew)
    case 0x0D:
      let depth: UInt32 = try reader.readLittleEndian("queue depth")
      let number: UInt32 = try reader.readLittleEndian("frame")
      isUnacknowledged = depth == .max
      if frame &- number <= frame &- acknowledged { acknowledged = number }
      return ([], false)
    // Bitmaps that the client has kept from earlier: none of them is of use.
    case 0x10: return ([Self.command(0x11, [0, 0])], false)
    default: return ([], false)
    }
  }

  /// Chooses the best version of a list (2.2.2.18); its flags, without those for codecs that are not sent.
  private mutating func choose(_ reader: inout WireReader) throws(WireError) -> UInt32? {
    let count = try Unverified(reader.readLittleEndian("capability count", as: UInt16.self))
      .verified(atMost: 64, "capability count")
    var best: (rank: Int, flags: UInt32)?
    for _ in 0..<count {
      let number: UInt32 = try reader.readLittleEndian("capability version")
      let length = try Unverified(reader.readLittleEndian("capability length", as: UInt32.self))
        .verified(atMost: reader.remaining, "capability length")
      var data = WireReader(try reader.readSpan(length, "capability data"))
      let flags: UInt32 = data.remaining >= 4 ? try data.readLittleEndian("capability flags") : 0
      guard let rank = Self.versions.firstIndex(of: number), rank < best?.rank ?? .max else { continue }
      best = (rank, flags)
    }
    guard let best else { return nil }
    version = Self.versions[best.rank]
    // THINCLIENT and SMALL_CACHE are the client's to say; AVC is not sent, which 10 and later are told by AVC_DISABLED.
    return best.flags & 0x3 | (version >= 0x000A_0002 ? 0x20 : 0)
  }

  // MARK: Frames

  /// ResetGraphics, CreateSurface, MapSurfaceToOutput: before the first frame, and after every change of size.
  mutating func reset(width: Int, height: Int) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    if hasSurface { messages.append(Self.command(0x0A, Self.words([Int(Self.surface)]))) }
    hasSurface = true
    var body: [UInt8] = []
    for value in [width, height, 1, 0, 0, width - 1, height - 1, 1] { body.appendLittleEndian(UInt32(clamping: value)) }
    // Always 340 bytes, with room for sixteen monitors.
    body += [UInt8](repeating: 0, count: 332 - body.count)
    messages.append(Self.command(0x0E, body))
    messages.append(Self.command(0x09, Self.words([Int(Self.surface), width, height]) + [Self.xrgb]))
    messages.append(
      Self.command(0x0F, Self.words([Int(Self.surface), 0]) + [UInt8](repeating: 0, count: 8)))
    return messages
  }

  /// Begins a frame.
  mutating func startFrame() -> [UInt8] {
    frame &+= 1
    var body: [UInt8] = [0, 0, 0, 0]
    body.appendLittleEndian(frame)
    return Self.command(0x0B, body)
  }

  func endFrame() -> [UInt8] {
    var body: [UInt8] = []
    body.appendLittleEndian(frame)
    return Self.command(0x0C, body)
  }

  /// A tile: a fill where it has one colour, else planar, or as it is where that is longer.
  func draw(_ tile: PixelTile) -> [UInt8] {
    let rectangle = Self.words([tile.x, tile.y, tile.x + tile.width, tile.y + tile.height])
    if let color = tile.pixels.first, tile.pixels.allSatisfy({ $0 == color }) {
      var body = Self.words([Int(Self.surface)])
      body.appendLittleEndian(color | 0xFF00_0000)
      return Self.command(0x04, body + [1, 0] + rectangle)
    }
    var data = Planar.encode(tile, bottomUp: false, hasAlpha: false)
    var codec = 0x0A
    if data.count >= tile.pixels.count * 4 {
      codec = 0
      data = tile.pixels.flatMap { pixel in (0..<4).map { UInt8(truncatingIfNeeded: pixel >> (8 * UInt32($0))) } }
    }
    var body = Self.words([Int(Self.surface), codec]) + [Self.xrgb] + rectangle
    body.appendLittleEndian(UInt32(clamping: data.count))
    return Self.command(0x01, body + data)
  }

  func move(x: Int, y: Int, width: Int, height: Int, fromX: Int, fromY: Int) -> [UInt8] {
    let surface = Int(Self.surface)
    return Self.command(
      0x05, Self.words([surface, surface, fromX, fromY, fromX + width, fromY + height, 1, x, y]))
  }

  private static func words(_ values: [Int]) -> [UInt8] {
    values.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }

  private static func command(_ id: UInt16, _ body: [UInt8]) -> [UInt8] {
    var message: [UInt8] = []
    message.appendLittleEndian(id)
    message.appendLittleEndian(UInt16(0))
    message.appendLittleEndian(UInt32(clamping: body.count + 8))
    return message + body
  }

  /// Commands as they travel: compressed, in segments. What is compressed must be sent, and in this order.
  mutating func segmented(_ commands: [UInt8]) -> [UInt8] { compressor.segmented(commands) }
}
