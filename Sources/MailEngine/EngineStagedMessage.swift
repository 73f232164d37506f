import MessageCore
import Services
import Synchronization

/// A message on its way into an engine: its bytes go to the backing and through the parser in one pass.
final class EngineStagedMessage: StagedMessage {
  /// What decides a message's conversation.
  struct Threading: Sendable {
    /// Of the identifiers that it refers to, the nearest first, and of its own.
    var hashes: [Int64]
  }

  private struct State {
    var parser: MIMEParser? = MIMEParser()
    var threading: Threading?
    var digest: [UInt8] = []
    var failure: StoreError?
  }

  let blob: any StagedBlob
  private let state = Mutex(State())

  init(_ blob: any StagedBlob) { self.blob = blob }

  var size: Int64 { blob.size }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    try state.withLock { state throws(StoreError) in
      if let failure = state.failure { throw failure }
      guard state.parser != nil else { throw StoreError(.conflict, "the message was appended already") }
      do throws(StoreError) { try blob.write(bytes) } catch {
        state.failure = error
        throw error
      }
      state.parser?.receive(bytes)
    }
  }

  func body() throws(StoreError) -> any MessageBody { try blob.body() }

  /// There is no more to come: how it is threaded, with `encodedDigest` ready.
  func finished() throws(StoreError) -> Threading {
    try state.withLock { state throws(StoreError) in
      if let failure = state.failure { throw failure }
      if let threading = state.threading { return threading }
      guard var parser = state.parser else { throw StoreError(.conflict, "the message is not whole") }
      try blob.seal()
      let digest = MessageDigest(parser.finish())
      state.parser = nil
      state.digest = digest.encoded()
      var identifiers = Array(digest.references.suffix(20).reversed())
      if let own = digest.messageID { identifiers.append(own) }
      let threading = Threading(hashes: identifiers.map(Self.hash))
      state.threading = threading
      return threading
    }
  }

  var encodedDigest: [UInt8] { state.withLock { $0.digest } }

  /// FNV-1a.
  private static func hash(_ text: String) -> Int64 {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int64(bitPattern: value)
  }
}
