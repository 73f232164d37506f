import Datagrams
import Services
import TFTPCore

/// The packets that a thread has to send on its socket. For one thread.
final class PacketOutput {
  let socket: CInt
  private var queue: DatagramQueue
  /// Payloads wait here for the flush.
  private let scratch: UnsafeMutableRawBufferPointer
  private var used = 0
  private let inSegments: Bool
  private let meter: MeterShard

  init(socket: CInt, inSegments: Bool, meter: MeterShard) throws(SystemError) {
    self.meter = meter
    self.socket = socket
    self.inSegments = inSegments
    queue = try DatagramQueue(receiveCount: 64, receiveSize: 65_535, sendCount: 512)
    scratch = .allocate(byteCount: 1 << 20, alignment: 64)
  }

  deinit { scratch.deallocate() }

  func receive() throws(SystemError) -> Int {
    let count = try queue.receive(socket)
    var bytes = 0
    for index in 0..<count { bytes += Int(queue.arrival(index)?.length ?? 0) }
    meter.note(bytesIn: bytes)
    return count
  }

  /// Calls `body` with the bytes and the way of a datagram of the last receive.
  func withArrival(_ index: Int, _ body: (UnsafeRawBufferPointer, DatagramRoute) -> Void) {
    guard let arrival = queue.arrival(index), arrival.length > 0 else { return }
    body(UnsafeRawBufferPointer(start: arrival.bytes, count: Int(arrival.length)), DatagramRoute(raw: arrival.route))
  }

  /// Queues a small packet.
  func send(_ bytes: [UInt8], to route: DatagramRoute) {
    if queue.room == 0 || scratch.count - used < bytes.count { flush() }
    guard bytes.count <= scratch.count - used else { return }
    let place = UnsafeMutableRawBufferPointer(rebasing: scratch[used..<used + bytes.count])
    place.copyBytes(from: bytes)
    used += bytes.count
    _ = queue.add(route, payload: UnsafeRawBufferPointer(place))
  }

  /// Queues the DATA packets of these blocks, as far as the file goes.
  /// - Returns: The last block of the file when it is among them; `.failure` when the disk fails.
  func send(
    _ blocks: ClosedRange<UInt64>, of source: FileSource, blockSize: Int, to route: DatagramRoute
  ) -> Result<UInt64?, TransferFailure> {
    var next = blocks.lowerBound
    while next <= blocks.upperBound {
      if queue.room == 0 || scratch.count - used < blockSize { flush() }
      let fits = min(queue.room, (scratch.count - used) / blockSize, Int(clamping: blocks.upperBound - next + 1))
      let place = UnsafeMutableRawBufferPointer(rebasing: scratch[used..<used + fits * blockSize])
      guard let count = source.read(at: (next - 1) * UInt64(blockSize), into: place) else {
        return .failure(TransferFailure(.notDefined, "the disk failed"))
      }
      used += count
      var offset = 0
      // A file that ends with a full block ends with an empty one besides.
      while offset < fits * blockSize {
        let length = min(blockSize, count - offset)
        let payload = UnsafeRawBufferPointer(rebasing: place[offset..<offset + length])
        _ = queue.add(route, header: Packet.dataHeader(next), payload: payload)
        if length < blockSize { return .success(next) }
        next += 1
        offset += blockSize
      }
    }
    return .success(nil)
  }

  func flush() {
    queue.flush(socket, inSegments: inSegments)
    meter.note(bytesOut: used)
    used = 0
  }
}
