import DNSCore
import WireKit

/// An answer, and how it came.
public struct DNSResponse: Sendable {
  public enum Transport: String, Hashable, Sendable {
    case udp = "UDP"
    case tcp = "TCP"
  }

  public var message: Message
  public var server: Endpoint
  public var transport: Transport
  /// Octets of the reply on the wire.
  public var byteCount: Int
  public var elapsed: Duration
}
