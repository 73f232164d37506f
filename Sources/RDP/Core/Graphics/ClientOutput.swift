/// Writes graphics and pointers in the form that a client takes: fast-path or slow-path.
struct ClientOutput: Sendable {
  /// Bytes of an update: with its headers a fast-path packet has 14 bits of length, and so has an MCS packet.
  static let maximumUpdate = 16_000

  var shareID: UInt32
  var format: PixelFormat
  var capabilities = ClientCapabilities()

  private enum Kind: UInt8 {
    case orders = 0
    case bitmap = 1
    case synchronize = 3
    case pointerHidden = 5
    case pointerDefault = 6
  }

  /// A fast-path update (MS-RDPBCGR 2.2.9.1.2), which is one packet.
  private func appendFastPath(_ kind: Kind, _ body: [UInt8], into output: inout [UInt8]) {
    output.append(0)
    output.appendInteger(UInt16(clamping: body.count + 6) | 0x8000)
    output.append(kind.rawValue)
    output.appendLittleEndian(UInt16(clamping: body.count))
    output += body
  }

  /// One rectangle, compressed where that is shorter, cut in two where it would not fit into a packet: never several in
  /// one update, which Windows 11 24H2 misreads.
  func append(_ tile: PixelTile, into output: inout [UInt8]) {
    let (bytes, isCompressed) = encode(tile)
    if bytes.count > Self.maximumUpdate {
      for half in halves(of: tile) { append(half, into: &output) }
      return
    }
    var body: [UInt8] = [1, 0, 1, 0]
    body.reserveCapacity(bytes.count + 32)
    let omitsHeader = capabilities.omitsBitmapHeader
    let header = isCompressed && !omitsHeader ? 8 : 0
    let flags = isCompressed ? (omitsHeader ? 0x0401 : 0x0001) : 0
    let words = [
      tile.x, tile.y, tile.x + tile.width - 1, tile.y + tile.height - 1, tile.width, tile.height, format.rawValue,
      flags,
      bytes.count + header,
    ]
    for word in words { body.appendLittleEndian(UInt16(clamping: word)) }
    if header > 0 {
      // TS_CD_HEADER (2.2.9.1.1.3.1.2.3): nothing, the compressed size, bytes of a row, the whole size.
      let row = tile.width * format.bytesPerPixel
      for word in [0, bytes.count, row, row * tile.height] { body.appendLittleEndian(UInt16(clamping: word)) }
    }
    body += bytes
    if capabilities.takesFastPathOutput {
      appendFastPath(.bitmap, body, into: &output)
    } else {
      output.appendShareData(type: ShareDataType.update, shareID: shareID) { $0 += body }
    }
  }

  private func encode(_ tile: PixelTile) -> (bytes: [UInt8], isCompressed: Bool) {
    let compressed = format == .rgb32 ? Planar.encode(tile) : InterleavedRLE.encode(tile, format)
    let plain = tile.width * tile.height * format.bytesPerPixel
    return compressed.count < plain ? (compressed, true) : (raw(tile), false)
  }

  /// Rows from the bottom; a row has a multiple of four bytes because tiles are whole cells.
  private func raw(_ tile: PixelTile) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tile.pixels.count * format.bytesPerPixel)
    for row in stride(from: tile.height - 1, through: 0, by: -1) {
      for pixel in tile.pixels[row * tile.width..<(row + 1) * tile.width] {
        for index in 0..<format.bytesPerPixel { bytes.append(UInt8(truncatingIfNeeded: pixel >> (8 * UInt32(index)))) }
      }
    }
    return bytes
  }

  /// Left and right, at a multiple of four pixels.
  private func halves(of tile: PixelTile) -> [PixelTile] {
    let middle = (tile.width / 2) & ~3
    return [0..<middle, middle..<tile.width].map { part in
      let pixels = (0..<tile.height).flatMap { row in
        tile.pixels[row * tile.width + part.lowerBound..<row * tile.width + part.upperBound]
      }
      return PixelTile(x: tile.x + part.lowerBound, y: tile.y, width: part.count, height: tile.height, pixels: pixels)
    }
  }

  /// A primary drawing order ScrBlt (MS-RDPEGDI 2.2.2.2.1.1.2.7): SRCCOPY, all fields, nothing relative.
  func appendMove(
    x: Int, y: Int, width: Int, height: Int, fromX: Int, fromY: Int, into output: inout [UInt8]
  ) {
    var order: [UInt8] = [0x09, 0x02, 0x7F]
    for word in [x, y, width, height] { order.appendLittleEndian(UInt16(clamping: word)) }
    order.append(0xCC)
    for word in [fromX, fromY] { order.appendLittleEndian(UInt16(clamping: word)) }
    if capabilities.takesFastPathOutput {
      appendFastPath(.orders, [1, 0] + order, into: &output)
    } else {
      output.appendShareData(type: ShareDataType.update, shareID: shareID) { $0 += [0, 0, 0, 0, 1, 0, 0, 0] + order }
    }
  }

  /// The client's own arrow, or none.
  func appendPointer(isHidden: Bool, into output: inout [UInt8]) {
    if capabilities.takesFastPathOutput {
      appendFastPath(isHidden ? .pointerHidden : .pointerDefault, [], into: &output)
    } else {
      output.appendShareData(type: ShareDataType.pointer, shareID: shareID) { output in
        // TS_PTRMSGTYPE_SYSTEM: SYSPTR_NULL or SYSPTR_DEFAULT.
        output += [1, 0, 0, 0] + (isHidden ? [0, 0, 0, 0] : [0, 0x7F, 0, 0])
      }
    }
  }
}
