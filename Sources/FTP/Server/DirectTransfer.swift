import FTPCore
import FTPData
import Glibc
import NIOPosix
import Services
import Synchronization

/// A data connection as a bare socket that does not block; closed when nobody refers to it any more.
final class DataSocket: Sendable {
  private let held: Mutex<Int32>

  init(_ descriptor: Int32) { held = Mutex(descriptor) }
  deinit { close() }

  /// -1 once it is closed or given away.
  var number: Int32 { held.withLock { $0 } }

  /// Gives the descriptor away.
  func release() -> Int32 {
    held.withLock { number in
      defer { number = -1 }
      return number
    }
  }

  func close() {
    let number = release()
    if number >= 0 { Glibc.close(number) }
  }

  /// Ends it with a reset: an orderly end would look like the end of the file.
  func abort() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }
}

/// Moves bytes between a socket and a file on a thread that may wait, in the fewest system calls, for as long as the peer keeps
/// up. A peer that does not is the event loop's, where waiting costs no thread.
enum DirectTransfer {
  enum Outcome: Hashable, Sendable {
    case complete
    /// There is more, and the peer keeps up: time to look whether somebody wants it to end.
    case turnIsOver
    case peerIsSlow
  }

  struct Turn: Sendable {
    var outcome: Outcome
    var bytes: UInt64
  }

  /// How long a peer may keep the thread waiting, in milliseconds.
  private static let patience: Int32 = 2
  private static let turnTime = Duration.milliseconds(100)
  /// Just below what malloc would take from the system anew each time.
  private static let pieceSize = 120 * 1024
  /// So much must have come to be worth waking up for. The end of the stream always is.
  private static let worthWaking: Int32 = 64 * 1024

  /// Takes what comes to the end of the stream.
  static func receive(over socket: DataSocket, into upload: Upload) throws -> Turn {
    let descriptor = socket.number
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)
    defer { memory.deallocate() }
    wakeFrom(worthWaking, descriptor)
    defer { wakeFrom(1, descriptor) }
    let end = ContinuousClock.now + turnTime
    var (held, moved, isSlow) = (0, UInt64(0), false)
    func write() throws {
      guard held > 0 else { return }
      try upload.write(UnsafeRawBufferPointer(rebasing: memory[..<held]))
      moved += UInt64(held)
      held = 0
    }
    while true {
      let rest = UnsafeMutableRawBufferPointer(rebasing: memory[held...])
      let count = recv(descriptor, rest.baseAddress, rest.count, 0)
      if count > 0 {
        held += count
        guard held == memory.count else { continue }
        try write()
        isSlow = false
        if ContinuousClock.now >= end { return Turn(outcome: .turnIsOver, bytes: moved) }
      } else if count == 0 {
        try write()
        return Turn(outcome: .complete, bytes: moved)
      } else if errno == EAGAIN {
        if isSlow {
          try write()
          return Turn(outcome: .peerIsSlow, bytes: moved)
        }
        // Less than is worth waking up for may have come: one look more.
        isSlow = !waits(for: Int16(POLLIN), descriptor)
      } else if errno != EINTR {
        // What did come is there to be gone on with.
        try write()
        throw DataConnection.Failure.lost
      }
    }
  }

  /// Has the kernel send a part of a file.
  static func send(_ file: any DescriptorBackedFile, _ range: Range<UInt64>, over socket: DataSocket) throws -> Turn {
    let descriptor = socket.number
    let end = ContinuousClock.now + turnTime
    guard let last = off_t(exactly: range.upperBound), var place = off_t(exactly: range.lowerBound) else {
      throw FTPFailure.tooLarge
    }
    func moved() -> UInt64 { UInt64(place) - range.lowerBound }
    return try withExtendedLifetime(file) {
      while place < last {
        let count = sendfile(descriptor, file.descriptorNumber, &place, Int(last - place))
        if count > 0 {
          if ContinuousClock.now >= end, place < last { return Turn(outcome: .turnIsOver, bytes: moved()) }
        } else if count == 0 {
          // It has shrunk: an orderly end would look right.
          throw FTPFailure.local
        } else if errno == EAGAIN {
          guard waits(for: Int16(POLLOUT), descriptor) else { return Turn(outcome: .peerIsSlow, bytes: moved()) }
        } else if errno != EINTR {
          throw DataConnection.Failure.lost
        }
      }
      return Turn(outcome: .complete, bytes: moved())
    }
  }

  private static func waits(for events: Int16, _ descriptor: Int32) -> Bool {
    var awaited = pollfd(fd: descriptor, events: events, revents: 0)
    return poll(&awaited, 1, patience) > 0
  }

  private static func wakeFrom(_ count: Int32, _ descriptor: Int32) {
    var count = count
    setsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, &count, socklen_t(MemoryLayout<Int32>.size))
  }
}

/// The threads of direct transfers: apart, so that nothing else waits for them, and few. What finds none free takes the event loop.
final class DirectThreads: Sendable {
  private static let count = 4

  let pool = NIOThreadPool(numberOfThreads: DirectThreads.count)
  private let taken = Atomic(0)

  init() { pool.start() }
  deinit { pool.shutdownGracefully { _ in } }

  /// Takes a thread, if one is free; to be given back.
  func enter() -> Bool {
    if taken.add(1, ordering: .relaxed).newValue <= Self.count { return true }
    leave()
    return false
  }

  func leave() { taken.subtract(1, ordering: .relaxed) }
}
