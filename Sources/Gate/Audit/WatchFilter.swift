import Services
import WireKit

/// What somebody who watches wants to see; what is `nil` or empty does not narrow it.
public struct WatchFilter: Sendable, Hashable, Codable {
  public var services: Set<ServiceName>
  public var account: String?
  /// The peer's network.
  public var network: IPNetwork?

  public init(services: Set<ServiceName> = [], account: String? = nil, network: IPNetwork? = nil) {
    self.services = services
    self.account = account
    self.network = network
  }

  /// Figures for the metrics are never shown.
  func matches(_ event: Event) -> Bool {
    if case .operation = event.kind { return false }
    if !services.isEmpty { guard let service = event.service, services.contains(service) else { return false } }
    if let account { guard event.account == account else { return false } }
    if let network { guard let peer = event.peer, network.contains(peer.address) else { return false } }
    return true
  }
}
