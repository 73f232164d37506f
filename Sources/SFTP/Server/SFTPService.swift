import Services
import SFTPCore
import WireKit

/// One SFTP session over a file store: takes packets, does what they ask, and writes the answers. It blocks while the
/// store works, so it runs on a thread that may wait.
package struct SFTPService: Sendable {
  enum Handle {
    case file(any OpenedFile, FilePath)
    case directory(any OpenedDirectory)
  }

  let store: any FileStore
  let home: FilePath
  let limits: SFTPLimits
  /// Whether a file that is made anew is seen under its name only once it is closed.
  let uploadsWhole: Bool
  let report: @Sendable (SFTPEvent) -> Void
  private let meter: Meter?
  private var isInitialised = false
  var handles: [SFTPHandle: Handle] = [:]
  /// What is known of the open files beside what the store keeps.
  var uses: [SFTPHandle: FileUse] = [:]
  /// Clients ask for 255 KiB of a file of 4: a buffer of that size for each would come from the system, and go back to it.
  var scratch: [UInt8] = []
  private var nextHandle: UInt32 = 0

  package init(
    store: any FileStore, home: FilePath, limits: SFTPLimits, uploadsWhole: Bool = false, meter: Meter? = nil,
    report: @escaping @Sendable (SFTPEvent) -> Void
  ) {
    self.meter = meter
    self.uploadsWhole = uploadsWhole
    self.store = store
    self.home = home
    self.limits = limits
    self.report = report
  }

  /// Takes packets from the front of `input` until the answers are enough or no whole packet is left. Returns how many
  /// bytes were taken. Throws when the peer breaks the protocol; the channel ends then.
  package mutating func process(_ input: RawSpan, into output: inout SFTPOutput) throws(WireError) -> Int {
    var consumed = 0
    while output.count < limits.outputHighWater {
      var reader = WireReader(input.extracting(consumed..<input.byteCount))
      guard reader.remaining >= 4 else { break }
      let length = try Unverified(reader.readUInt32("length")).verified(in: 1...limits.maximumPacket, "length")
      guard reader.remaining >= length else { break }
      let packet = try reader.readSpan(length, "packet")
      consumed += 4 + length
      try answer(packet, &output)
    }
    return consumed
  }

  private mutating func answer(_ packet: RawSpan, _ output: inout SFTPOutput) throws(WireError) {
    guard isInitialised else {
      var reader = WireReader(packet)
      guard try reader.readUInt8("type") == 1, try reader.readUInt32("version") >= 3 else {
        throw WireError(.unsupported, "SFTP version")
      }
      isInitialised = true
      SFTPResponse.version(&output.tail)
      return
    }
    var id: UInt32 = 0
    do {
      let (number, request) = try SFTPRequest.decode(packet)
      id = number
      let start = meter == nil ? nil : ContinuousClock.now
      var outcome = OperationOutcome.ok
      do {
        try perform(request, id, packet, &output)
      } catch {
        let (status, text) = Self.status(of: error)
        outcome = Self.outcome(of: error)
        SFTPResponse.status(id, status, text, &output.tail)
      }
      if let meter, let start {
        meter.note(
          Self.operation(of: request), outcome, nanoseconds: start.duration(to: .now).wholeNanoseconds)
      }
    } catch {
      // A packet with a request number that can be read is answered; without one there is nobody to answer to.
      var reader = WireReader(packet)
      try reader.skip(1, "type")
      id = try reader.readUInt32("request-id")
      SFTPResponse.status(id, .badMessage, "the request can't be read", &output.tail)
    }
  }

  private mutating func perform(
    _ request: SFTPRequest, _ id: UInt32, _ packet: RawSpan, _ output: inout SFTPOutput
  ) throws(FileError) {
    switch request {
    case .open, .close, .read, .write, .readDirectory, .openDirectory, .synchronise, .copyData:
      try performOnHandle(request, id, packet, &output)
    case .attributes, .handleAttributes, .setAttributes, .setHandleAttributes, .space, .handleSpace:
      try performOnAttributes(request, id, &output)
    case .remove, .makeDirectory, .removeDirectory, .rename, .symbolicLink, .hardLink:
      try performOnNames(request)
      done(id, &output)
    case .realPath(let bytes), .expandPath(let bytes): try realPath(bytes, id, &output)
    case .readLink(let bytes):
      let target = try store.readSymbolicLink(try path(bytes))
      SFTPResponse.names(id, [.init(name: target, line: target, attributes: SFTPAttributes())], &output.tail)
    case .limits:
      let limits = limits
      SFTPResponse.extended(id, &output.tail) {
        for number in [limits.maximumPacket, limits.maximumData, limits.maximumData, limits.maximumHandles] {
          $0.appendInteger(UInt64(number))
        }
      }
    case .homeDirectory:
      SFTPResponse.names(id, [.init(name: home.bytes, line: home.bytes, attributes: .init())], &output.tail)
    case .names(let users, let groups):
      // The names of the system's accounts are not the peer's business: an empty name means unknown.
      SFTPResponse.extended(id, &output.tail) {
        for numbers in [users, groups] {
          $0.appendSFTPString([UInt8](repeating: 0, count: 4 * numbers.count))
        }
      }
    case .available(let bytes): try available(bytes, id, &output)
    case .checkFile(let check): try checkFile(check, id, &output)
    case .unsupported: SFTPResponse.status(id, .unsupported, "not supported", &output.tail)
    case .badHandle: SFTPResponse.status(id, .failure, "no such handle", &output.tail)
    }
  }

  // MARK: Helpers

  func path(_ bytes: [UInt8]) throws(FileError) -> FilePath {
    guard let path = FilePath(bytes, from: home) else { throw .invalidName }
    return path
  }

  func done(_ id: UInt32, _ output: inout SFTPOutput) { SFTPResponse.status(id, .ok, "", &output.tail) }

  mutating func add(_ handle: Handle) throws(FileError) -> SFTPHandle {
    guard handles.count < limits.maximumHandles else { throw .tooManyOpen }
    while handles[SFTPHandle(nextHandle)] != nil { nextHandle &+= 1 }
    defer { nextHandle &+= 1 }
    handles[SFTPHandle(nextHandle)] = handle
    return SFTPHandle(nextHandle)
  }

  func file(_ handle: SFTPHandle) throws(FileError) -> any OpenedFile {
    guard case .file(let file, _) = handles[handle] else { throw .invalidName }
    return file
  }

  private func realPath(_ bytes: [UInt8], _ id: UInt32, _ output: inout SFTPOutput) throws(FileError) {
    var bytes = bytes
    if bytes.first == 0x7E, bytes.count == 1 || bytes[1] == 0x2F { bytes = home.bytes + bytes.dropFirst() }
    let path = try store.realPath(of: try path(bytes)).bytes
    SFTPResponse.names(id, [.init(name: path, line: path, attributes: SFTPAttributes())], &output.tail)
  }

  private static func outcome(of error: FileError) -> OperationOutcome {
    switch error {
    case .failure, .noSpace: .failed
    default: .refused
    }
  }

  /// What the peer is told. Version 3 has few codes, so the text says more.
  static func status(of error: FileError) -> (SFTPStatus, StaticString) {
    switch error {
    case .notFound: (.noSuchFile, "No such file or directory")
    case .permissionDenied: (.permissionDenied, "Permission denied")
    case .readOnly: (.permissionDenied, "Read-only file system")
    case .escapes: (.permissionDenied, "The path leads out of this directory tree")
    case .exists: (.failure, "File exists")
    case .isDirectory: (.failure, "Is a directory")
    case .notDirectory: (.noSuchFile, "Not a directory")
    case .notEmpty: (.failure, "Directory not empty")
    case .noSpace: (.failure, "No space left on device")
    case .quotaExceeded: (.failure, "Quota exceeded")
    case .tooLarge: (.failure, "File too large")
    case .crossesDevices: (.failure, "Invalid cross-device link")
    case .invalidName: (.failure, "Invalid argument")
    case .tooManyOpen: (.failure, "Too many open files")
    case .unsupported: (.unsupported, "Operation not supported")
    case .failure: (.failure, "Failure")
    }
  }
}

/// What an SFTP session tells about itself.
public enum SFTPEvent: Sendable, Hashable {
  case opened(FilePath, forWriting: Bool)
  /// A file that was read from or written to was closed, or left open at the end; so many bytes went each way.
  case closed(FilePath, read: UInt64, written: UInt64, isComplete: Bool)
  case removed(FilePath)
  case renamed(FilePath, to: FilePath)
  case madeDirectory(FilePath)
  case removedDirectory(FilePath)
}

/// Answers on their way: whole arrays for large reads, and a tail for small ones.
package struct SFTPOutput {
  private(set) var chunks: [[UInt8]] = []
  private var sealed = 0
  var tail: [UInt8] = []

  package init() {}

  package var count: Int { sealed + tail.count }

  /// Adds an array as it is.
  mutating func append(chunk: [UInt8]) {
    sealTail()
    sealed += chunk.count
    chunks.append(chunk)
  }

  mutating func sealTail() {
    guard !tail.isEmpty else { return }
    sealed += tail.count
    chunks.append(tail)
    tail = []
  }
}
