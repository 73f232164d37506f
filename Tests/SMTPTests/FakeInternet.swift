import SMTPClient
import WireKit

/// DNS for tests: what stands in the tables, and nothing else.
struct FakeInternet: MailResolver {
  var texts: [String: [String]] = [:]
  var exchanges: [String: [(preference: UInt16, host: String)]] = [:]
  var addresses: [String: [IPAddress]] = [:]
  var names: [IPAddress: [String]] = [:]
  /// Names about which nobody can say anything.
  var broken: Set<String> = []

  private func check(_ name: String, _ isKnown: Bool) throws(MailResolverError) {
    if broken.contains(name) { throw .temporary("broken") }
    if !isKnown, addresses[name] == nil, texts[name] == nil, exchanges[name] == nil { throw .noSuchName }
  }

  func exchanges(of domain: String) async throws(MailResolverError) -> [(preference: UInt16, host: String)] {
    try check(domain, exchanges[domain] != nil)
    return exchanges[domain] ?? []
  }

  func addresses(of host: String) async throws(MailResolverError) -> [IPAddress] {
    try check(host, addresses[host] != nil)
    return addresses[host] ?? []
  }

  func texts(of name: String) async throws(MailResolverError) -> [String] {
    try check(name, texts[name] != nil)
    return texts[name] ?? []
  }

  func names(of address: IPAddress) async throws(MailResolverError) -> [String] { names[address] ?? [] }
}
