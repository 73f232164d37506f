import Services
import WireKit

/// How a listener treats its connections.
public struct StreamListenerConfiguration: Sendable, Hashable {
  public enum TLSMode: String, Sendable, Hashable, Codable {
    case none, starttls, implicit
  }

  public var service: ServiceName
  public var tls: TLSMode
  /// What the register of sessions says of connections whose protocol encrypts by itself.
  public var encryption: String?
  /// The names that this service goes by in TLS (ALPN), best first. A client that offers others only is refused.
  public var applicationProtocols: [String]
  public var limits: ConnectionLimits
  /// Where proxies stand that announce their clients by the PROXY protocol; their connections must begin with it.
  public var proxies: [IPNetwork]
  /// Words in the protocol's own form for a peer that is turned away (too many connections, a penalty); may be empty.
  public var refusal: [UInt8]
  /// Words for a peer that speaks plain text where TLS is implicit; may be empty.
  public var plainTextRefusal: [UInt8]
  /// Whether connections stand in the register of sessions. Not for protocols with many short ones (HTTP, DNS).
  public var isRegistered: Bool
  /// Whether sources under a penalty are turned away at the door.
  public var heedsPenalties: Bool

  public init(
    service: ServiceName, tls: TLSMode = .none, encryption: String? = nil, applicationProtocols: [String] = [],
    limits: ConnectionLimits = .init(),
    proxies: [IPNetwork] = [], refusal: [UInt8] = [], plainTextRefusal: [UInt8] = [], isRegistered: Bool = true,
    heedsPenalties: Bool = true
  ) {
    self.service = service
    self.tls = tls
    self.encryption = encryption
    self.applicationProtocols = applicationProtocols
    self.limits = limits
    self.proxies = proxies
    self.refusal = refusal
    self.plainTextRefusal = plainTextRefusal
    self.isRegistered = isRegistered
    self.heedsPenalties = heedsPenalties
  }
}
