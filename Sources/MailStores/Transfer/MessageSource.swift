import Glibc
import Services

/// Messages that come from elsewhere, one after the other, by stream.
public protocol MessageSource {
  /// Gives the next message's bytes to `write` in pieces, and returns what is known of it; `nil` at the end.
  mutating func next(_ write: (UnsafeRawBufferPointer) throws(StoreError) -> Void) throws(StoreError) -> SourceMessage?
  /// A mark from which a later source of the same place can go on behind what was given out so far.
  var mark: String { get }
  /// Goes on behind a mark; before the first `next`.
  mutating func resume(after mark: String) throws(StoreError)
}

/// What a source knows of a message beside its bytes.
public struct SourceMessage: Sendable, Hashable {
  public var flags: MessageFlags
  /// When it was received, in seconds since 1970.
  public var date: Int64?

  public init(flags: MessageFlags = [], date: Int64? = nil) {
    self.flags = flags
    self.date = date
  }
}

/// Line ends as mail has them: every LF, alone or behind a CR, becomes CRLF.
struct LineEndWriter {
  private var lastWasCR = false

  mutating func write(
    _ bytes: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count + bytes.count / 32 + 2)
    for byte in bytes {
      if byte == 0x0A, !lastWasCR { output.append(0x0D) }
      output.append(byte)
      lastWasCR = byte == 0x0D
    }
    var failure: StoreError?
    output.withUnsafeBytes { piece in
      do throws(StoreError) { try write(piece) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
