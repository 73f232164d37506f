import Glibc

/// What came of one attempt at a descriptor that does not block.
enum ReadOutcome {
  case bytes([UInt8])
  case wouldBlock
  /// The end, or an error that is as good as one: a terminal says EIO when its last user has left.
  case end
}

/// Below the size at which the allocator maps fresh pages for every buffer.
private let largestRead = 64 * 1024

func readDescriptor(_ descriptor: Int32, maximum: Int) -> ReadOutcome {
  var failure: Int32 = 0
  let bytes = [UInt8](unsafeUninitializedCapacity: min(maximum, largestRead)) { memory, count in
    while true {
      let result = read(descriptor, memory.baseAddress, memory.count)
      count = max(0, result)
      failure = result < 0 ? errno : 0
      if failure != EINTR { return }
    }
  }
  if !bytes.isEmpty { return .bytes(bytes) }
  return failure == EAGAIN ? .wouldBlock : .end
}

/// Writes as much as goes without blocking. Returns how many bytes went, or `nil` when nobody reads any more.
func writeDescriptor(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int? {
  bytes.withUnsafeBytes { memory in
    var written = 0
    while written < memory.count {
      let result = write(descriptor, memory.baseAddress.map { $0 + written }, memory.count - written)
      if result >= 0 {
        written += result
      } else if errno == EAGAIN {
        return written
      } else if errno != EINTR {
        return nil
      }
    }
    return written
  }
}

/// Reads and writes of the descriptor return at once.
public func setNonBlocking(_ descriptor: Int32) {
  _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
}
