import Datagrams
import Glibc
import TFTPCore
import WireKit

/// Reads and writes files on a TFTP server (RFC 1350, 2347, 2348, 2349, 7440).
public struct TFTPClient: Sendable {
  /// What the client asks for.
  public struct Options: Sendable {
    public var mode = TransferMode.octet
    /// Bytes of a block, 8...65,464; `nil` does not ask, which means 512.
    public var blockSize: Int? = 1_428
    /// Blocks per acknowledgement, 1...65,535; `nil` does not ask, which means 1.
    public var windowSize: Int?
    /// Whole seconds until either side repeats, 1...255; `nil` does not ask.
    public var timeout: Int?
    /// Whether to ask, or tell, how large the file is.
    public var usesSize = true
    /// The largest file that is read, in bytes.
    public var maximumSize = 256 << 20
    public var limits = Limits()

    public init() {}
  }

  public var server: Endpoint
  public var options: Options

  /// - Parameter server: The server's address and port, which is 69 by custom.
  public init(server: Endpoint, options: Options = Options()) {
    self.server = server
    self.options = options
  }

  /// Reads a file.
  public func read(_ fileName: String) async throws(TransferFailure) -> [UInt8] {
    let request = Request(.read, fileName, mode: options.mode, options: asked(size: 0))
    return try await run(request, sending: [])
  }

  /// Writes a file; returns when the server has all of it.
  public func write(_ bytes: [UInt8], as fileName: String) async throws(TransferFailure) {
    var content = bytes
    if options.mode == .netascii {
      content = []
      NetASCIIEncoder().encode(bytes, into: &content)
    }
    _ = try await run(
      Request(.write, fileName, mode: options.mode, options: asked(size: content.count)), sending: content)
  }

  private func asked(size: Int) -> [TransferOption] {
    var asked: [TransferOption] = []
    if let blockSize = options.blockSize { asked.append(TransferOption("blksize", UInt64(blockSize))) }
    if let windowSize = options.windowSize { asked.append(TransferOption("windowsize", UInt64(windowSize))) }
    if let timeout = options.timeout { asked.append(TransferOption("timeout", UInt64(timeout))) }
    if options.usesSize { asked.append(TransferOption("tsize", UInt64(size))) }
    return asked
  }

  /// One exchange, on a thread of its own: its system calls block.
  private func run(_ request: Request, sending content: [UInt8]) async throws(TransferFailure) -> [UInt8] {
    let (server, options) = (server, options)
    let result: Result<[UInt8], TransferFailure> = await withCheckedContinuation { continuation in
      do throws(SystemError) {
        _ = try ServiceThread.start("tftp-client") { _ in
          continuation.resume(returning: ClientExchange.run(request, sending: content, to: server, options: options))
        }
      } catch {
        continuation.resume(returning: .failure(TransferFailure(.local, .notDefined, error.description)))
      }
    }
    return try result.get()
  }
}
