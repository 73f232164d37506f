import WireKit

/// The listeners so far, by what they exclude.
struct TakenPorts {
  private struct Family: Hashable {
    var transport: ListenerDeclaration.TransportKind
    var port: UInt16
    var family: IPAddress.Family
  }

  private struct Place: Hashable {
    var family: Family
    var address: IPAddress
  }

  private var places: [Place: ListenerDeclaration] = [:]
  private var first: [Family: ListenerDeclaration] = [:]
  private var unspecified: [Family: ListenerDeclaration] = [:]

  /// Takes a listener in, unless another is in its way: that one is the result.
  mutating func enter(_ listener: ListenerDeclaration) -> ListenerDeclaration? {
    let address = listener.endpoint.address
    let family = Family(transport: listener.transport, port: listener.endpoint.port, family: address.family)
    let place = Place(family: family, address: address)
    let conflict = places[place] ?? unspecified[family] ?? (address.isUnspecified ? first[family] : nil)
    guard conflict == nil else { return conflict }
    places[place] = listener
    first[family] = first[family] ?? listener
    if address.isUnspecified { unspecified[family] = listener }
    return nil
  }
}
