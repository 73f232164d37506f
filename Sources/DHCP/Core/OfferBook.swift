import WireKit

/// Addresses that are offered, and kept for a short while for those they are offered to. In memory only: an offer binds nobody
/// (RFC 2131 §3.1).
struct OfferBook: Sendable {
  struct Offer: Sendable, Hashable {
    var address: IPAddress
    var subnet: IPNetwork
    var client: ClientKey
    var place: [UInt8]
    var expires: Int64
  }

  private var byClient: [ClientKey: Offer] = [:]
  private var byAddress: [IPAddress: ClientKey] = [:]
  private var countByPlace: [[UInt8]: Int] = [:]
  /// In the order of their ends, as all are kept equally long.
  private var order: [(client: ClientKey, expires: Int64)] = []
  private var orderStart = 0

  func offer(to client: ClientKey) -> Offer? { byClient[client] }
  func holder(of address: IPAddress) -> ClientKey? { byAddress[address] }
  func count(at place: [UInt8]) -> Int { countByPlace[place] ?? 0 }

  mutating func add(_ offer: Offer) {
    remove(offer.client)
    byClient[offer.client] = offer
    byAddress[offer.address] = offer.client
    if !offer.place.isEmpty { countByPlace[offer.place, default: 0] += 1 }
    order.append((offer.client, offer.expires))
  }

  @discardableResult
  mutating func remove(_ client: ClientKey) -> Offer? {
    guard let offer = byClient.removeValue(forKey: client) else { return nil }
    byAddress[offer.address] = nil
    if !offer.place.isEmpty, let count = countByPlace[offer.place] {
      countByPlace[offer.place] = count > 1 ? count - 1 : nil
    }
    return offer
  }

  /// Takes out what has ended.
  mutating func expire(now: Int64) -> [Offer] {
    var ended: [Offer] = []
    while orderStart < order.count, order[orderStart].expires <= now {
      let entry = order[orderStart]
      orderStart += 1
      // A renewed offer has a later entry of its own.
      if byClient[entry.client]?.expires == entry.expires, let offer = remove(entry.client) { ended.append(offer) }
    }
    if orderStart > 1_024, orderStart * 2 > order.count {
      order.removeFirst(orderStart)
      orderStart = 0
    }
    return ended
  }
}
