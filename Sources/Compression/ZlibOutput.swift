import CZlib

/// Lets zlib write behind the end of an array.
enum ZlibOutput {
  /// One call, with room for `count` bytes more.
  static func step(
    _ stream: UnsafeMutablePointer<z_stream>, into output: inout [UInt8], of count: Int,
    _ call: (UnsafeMutablePointer<z_stream>) -> Int32
  ) -> Int32 {
    let room = min(max(count, 64), 1 << 20)
    var status = Z_OK
    let piece = [UInt8](unsafeUninitializedCapacity: room) { memory, written in
      stream.pointee.next_out = memory.baseAddress
      stream.pointee.avail_out = UInt32(room)
      status = call(stream)
      written = room - Int(stream.pointee.avail_out)
    }
    output += piece
    return status
  }
}
