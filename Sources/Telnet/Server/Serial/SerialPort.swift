import Dispatch
import Glibc
import Synchronization
import TelnetCore

/// An open serial device. Reads and writes wait without a thread; `close` ends them.
///
/// unchecked: the descriptor never changes, and what waits is kept under a lock.
final class SerialPort: @unchecked Sendable {
  private struct Waiting {
    /// Who waits for bytes; the source is awake exactly then.
    var reader: CheckedContinuation<Void, Never>?
    var isClosed = false
  }

  private let descriptor: CInt
  private let source: any DispatchSourceRead
  private let waiting = Mutex(Waiting())
  /// How the device was set before, to leave it so.
  private let before: termios

  /// Opens a device and sets it. Throws words for the client and the log.
  init(device: String, _ settings: SerialSettings) throws(SerialFailure) {
    let descriptor = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw SerialFailure(String(cString: strerror(errno))) }
    var before = termios()
    guard tcgetattr(descriptor, &before) == 0 else {
      let reason = errno
      Glibc.close(descriptor)
      throw SerialFailure("no serial device: \(String(cString: strerror(reason)))")
    }
    // Nobody else opens it while we have it; root does all the same.
    _ = ioctl(descriptor, UInt(TIOCEXCL))
    self.descriptor = descriptor
    self.before = before
    source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global())
    source.setEventHandler { [weak self] in self?.isReadable() }
    source.setCancelHandler {
      _ = ioctl(descriptor, UInt(TIOCNXCL))
      var before = before
      tcsetattr(descriptor, TCSANOW, &before)
      Glibc.close(descriptor)
    }
    _ = apply(settings)
  }

  deinit { close() }

  /// Ends what waits, and gives the device back.
  func close() {
    let (reader, isFirst) = waiting.withLock { waiting in
      defer {
        waiting.reader = nil
        waiting.isClosed = true
      }
      return (waiting.reader, !waiting.isClosed)
    }
    guard isFirst else { return }
    reader?.resume()
    // The source sleeps where nobody waits, and must wake to be cancelled.
    if reader == nil { source.resume() }
    source.cancel()
  }

  // MARK: Bytes

  private func isReadable() {
    let reader = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
      guard !waiting.isClosed else { return nil }
      // Until somebody waits again.
      source.suspend()
      defer { waiting.reader = nil }
      return waiting.reader
    }
    reader?.resume()
  }

  /// The next bytes; `nil` at the end of the device.
  func read() async -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      if waiting.withLock({ $0.isClosed }) { return nil }
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count > 0 { return Array(buffer.prefix(count)) }
      guard count < 0, errno == EAGAIN || errno == EINTR else { return nil }
      await withCheckedContinuation { continuation in
        let isClosed = waiting.withLock { waiting in
          if !waiting.isClosed {
            waiting.reader = continuation
            source.resume()
          }
          return waiting.isClosed
        }
        if isClosed { continuation.resume() }
      }
    }
  }

  /// Writes all of it; a device that takes nothing for a long time (flow control) holds the client back.
  func write(_ bytes: [UInt8]) async {
    var rest = bytes[...]
    while !rest.isEmpty, !waiting.withLock({ $0.isClosed }), !Task.isCancelled {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count < 0, errno != EAGAIN, errno != EINTR {
        return
      } else {
        try? await Task.sleep(for: .milliseconds(5))
      }
    }
  }

  // MARK: The line

  /// Sets it, as far as the device can; returns what it is set to.
  func apply(_ settings: SerialSettings) -> SerialSettings {
    var state = termios()
    guard tcgetattr(descriptor, &state) == 0 else { return settings }
    SerialTermios.write(settings, to: &state)
    tcsetattr(descriptor, TCSANOW, &state)
    guard tcgetattr(descriptor, &state) == 0 else { return settings }
    return SerialTermios.read(state, wanted: settings)
  }

  func signal(_ signal: SerialSignal, _ isOn: Bool) {
    switch signal {
    case .breakCondition: _ = ioctl(descriptor, UInt(isOn ? TIOCSBRK : TIOCCBRK))
    case .dataTerminalReady: set(TIOCM_DTR, isOn)
    case .requestToSend: set(TIOCM_RTS, isOn)
    }
  }

  private func set(_ line: Int32, _ isOn: Bool) {
    var bits = CInt(line)
    _ = ioctl(descriptor, UInt(isOn ? TIOCMBIS : TIOCMBIC), &bits)
  }

  func purge(input: Bool, output: Bool) {
    guard input || output else { return }
    tcflush(descriptor, input && output ? TCIOFLUSH : input ? TCIFLUSH : TCOFLUSH)
  }

  /// CTS, DSR, RI and CD in the upper four bits. A device without such lines (a pseudo-terminal) counts as connected and ready.
  var modem: UInt8 {
    var bits: CInt = 0
    guard ioctl(descriptor, UInt(TIOCMGET), &bits) == 0 else { return 0xB0 }
    var state: UInt8 = 0
    for (line, bit) in [(TIOCM_CTS, UInt8(0x10)), (TIOCM_DSR, 0x20), (TIOCM_RI, 0x40), (TIOCM_CD, 0x80)]
    where bits & CInt(line) != 0 { state |= bit }
    return state
  }

  /// Returns when the modem's state is not this one any more, or the port is closed.
  func modem(besides known: UInt8) async -> UInt8 {
    while !waiting.withLock({ $0.isClosed }), !Task.isCancelled {
      let state = modem
      if state != known { return state }
      try? await Task.sleep(for: .milliseconds(250))
    }
    return known
  }
}

/// Why a line can't be had.
struct SerialFailure: Error {
  let words: String
  init(_ words: String) { self.words = words }
}
