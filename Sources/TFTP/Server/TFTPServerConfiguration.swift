import TFTPCore
import WireKit

/// How a `TFTPServer` behaves. `TFTPServer.init` checks it.
public struct TFTPServerConfiguration: Sendable {
  /// Time-outs, block and window sizes.
  public var limits = Limits()
  /// Directories that are read from, in the order in which they are searched.
  public var readRoots: [String] = []
  /// Further directories by name, for clients whose `KnownClient.root` names one; searched before `readRoots`.
  public var clientRoots: [String: String] = [:]
  /// Rewrites of requested names, in order; the first that fits is used.
  public var maps: [NameMap] = []
  /// Where writes go; `nil` refuses them.
  public var writes: WritePolicy?
  /// Whether transfers stay on the listening port, for clients behind a NAT or a server in a container. Otherwise each client
  /// is answered from another port (RFC 1350 §4).
  public var usesSinglePort = false
  /// The ports for transfers; `nil` lets the system pick them.
  public var transferPorts: ClosedRange<UInt16>?
  /// Threads for transfers from each listening socket, 1...64. Not used with a single port.
  public var transferThreads = 2
  /// Whether the blocks of a window leave as one large datagram that the kernel or the card cuts (UDP_SEGMENT), where they can.
  public var sendsInSegments = true
  /// Transfers at a time, in each thread.
  public var maximumTransfers = 16_384
  /// Transfers at a time from one address, in each thread.
  public var maximumTransfersPerSource = 64
  /// The largest file that is sent as netascii or rendered, in bytes: it is held in memory.
  public var maximumTextSize = 16 << 20

  public init() {}

  /// What is wrong with it, in words for whoever wrote it; empty when nothing is.
  public func problems() -> [String] {
    var problems: [String] = []
    if !(1...64).contains(transferThreads) { problems.append("transferThreads must be 1...64, not \(transferThreads)") }
    if !(8...65_464).contains(limits.maximumBlockSize) { problems.append("maximumBlockSize must be 8...65464") }
    if !(1...65_535).contains(limits.maximumWindowSize) { problems.append("maximumWindowSize must be 1...65535") }
    if maximumTransfers < 1 || maximumTransfersPerSource < 1 {
      problems.append("a limit of no transfers serves nobody")
    }
    if let writes, !writes.template.hasPrefix("/") { problems.append("the write template must be an absolute path") }
    if let writes, writes.template.components(of: "{device}") > 2 {
      problems.append("the write template may name {device} once")
    }
    return problems
  }
}

/// Where and from whom files are taken (a network device's configuration backup).
public struct WritePolicy: Sendable {
  /// The directory of a device, with `{device}` for its name: `/srv/backups/{device}`. Everything before `{device}` must exist.
  public var template: String
  /// Whether only clients that the directory knows may write.
  public var onlyKnownClients = true
  /// From where anybody may write, known or not.
  public var openNetworks: [IPNetwork] = []
  /// The largest file, in bytes.
  public var maximumFileSize: UInt64 = 64 << 20
  /// Bytes of all versions of one device together.
  public var quotaPerDevice: UInt64 = 256 << 20
  /// Versions of one device, all files together.
  public var maximumVersionsPerDevice = 10_000

  public init(template: String) { self.template = template }
}

/// A rewrite of requested names, with `*` for any run of characters: `"*.cfg"` → `"configs/{1}.cfg"`.
public struct NameMap: Sendable, Hashable {
  /// The whole name, as the client sent it. Each `*` takes as little as it can.
  public var pattern: String
  /// The other name: `{1}`, `{2}` … stand for what the asterisks took, `{address}` for the client's address, `{device}` for
  /// its name, if it is known.
  public var replacement: String

  public init(_ pattern: String, _ replacement: String) {
    self.pattern = pattern
    self.replacement = replacement
  }

  /// The other name, or `nil` when the pattern does not fit.
  public func apply(to name: String, address: IPAddress, device: String?) -> String? {
    guard let pieces = Self.match(Array(pattern.utf8)[...], Array(name.utf8)[...]) else { return nil }
    var result = ""
    var rest = replacement[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      let key = rest[rest.index(after: open)..<close]
      if let number = Int(key), number >= 1, number <= pieces.count {
        result += String(decoding: pieces[number - 1], as: UTF8.self)
      } else if key == "address" {
        result += address.description
      } else if key == "device" {
        result += device ?? "unknown"
      }
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }

  /// Recursion as deep as there are asterisks.
  private static func match(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
    guard let first = pattern.first else { return name.isEmpty ? [] : nil }
    guard first == UInt8(ascii: "*") else {
      return name.first == first ? match(pattern.dropFirst(), name.dropFirst()) : nil
    }
    for end in name.startIndex...name.endIndex {
      if let rest = match(pattern.dropFirst(), name[end...]) { return [name[..<end]] + rest }
    }
    return nil
  }
}

extension String {
  func components(of separator: String) -> Int { ranges(of: separator).count + 1 }
}
