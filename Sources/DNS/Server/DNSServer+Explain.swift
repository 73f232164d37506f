import DNSCore
import WireKit

/// What a question of one client is answered from.
extension DNSServer {
  /// The networks of the view that an address lies in; `nil` for what everybody sees.
  public func viewNetworks(for address: IPAddress) -> [IPNetwork]? {
    views.current.first { entry in entry.networks.contains { $0.contains(address) } }?.networks
  }

  /// The zone that an address sees a name in, and whether it is its view's own.
  public func zone(of name: Name, seenFrom address: IPAddress) -> (zone: Zone, isViewsOwn: Bool)? {
    let catalog = (views.zones(for: address) ?? zones).current
    guard let apex = DynamicRecords.home(of: name, among: catalog.zones.map(\.apex)),
      let zone = catalog.zone(apex)
    else { return nil }
    return (zone, zones.current.zone(apex) !== zone)
  }

  /// Whose records stand at a name besides the file's: their keys' first words (`dhcp`, `mail`), and `update`.
  public func owners(of name: Name) -> [String] { state.withLock { $0.dynamic.owners(of: name) } }
}
