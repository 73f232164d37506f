import DNSCore
import WireKit

/// Answers what is more than a question: transfers, NOTIFY, updates, and whatever is signed.
public protocol DNSTransactions: Sendable {
  /// The answer to a request, as it stood on the wire.
  func answer(_ request: [UInt8], from peer: Endpoint, over transport: DNSTransport) async -> DNSReply

  /// A zone is about to be served in another version. Called one after the other, for each zone in the order of its versions;
  /// queries see the new one as soon as this returns. Quick: it must not wait for the network.
  func willServe(_ zone: Zone, insteadOf old: Zone?)
}

/// A zone's version that was served before a restart: the same records get the same serial again.
public struct KnownVersion: Hashable, Sendable {
  public var serial: UInt32
  public var digest: UInt64

  public init(serial: UInt32, digest: UInt64) {
    self.serial = serial
    self.digest = digest
  }
}
