import DNSClient
import DNSCore
import Services
import WireKit

/// Answers the questions that mail has to DNS. Injected, so that tests and laboratories bring their own Internet.
public protocol MailResolver: Sendable {
  /// Mail exchanges of a domain, with their preferences; empty when there are none but the domain exists.
  func exchanges(of domain: String) async throws(MailResolverError) -> [(preference: UInt16, host: String)]
  /// IPv6 and IPv4 addresses.
  func addresses(of host: String) async throws(MailResolverError) -> [IPAddress]
  /// Text records, each with its strings joined.
  func texts(of name: String) async throws(MailResolverError) -> [String]
  /// Names of an address.
  func names(of address: IPAddress) async throws(MailResolverError) -> [String]
}

/// Why there is no answer.
public enum MailResolverError: Error, Sendable, Hashable {
  /// The name does not exist.
  case noSuchName
  /// Nobody could say; later it may work.
  case temporary(String)
}

/// Asks the servers that the system asks, or others, over UDP and, for long answers, TCP.
public struct DNSMailResolver: MailResolver {
  private let servers: [Endpoint]
  private let client: DNSClient
  private let cache = MailRecordCache()

  public init(servers: [Endpoint]) {
    self.servers = servers
    var configuration = DNSClientConfiguration()
    configuration.attempts = 2
    client = DNSClient(configuration: configuration)
  }

  /// The servers of a resolv.conf(5).
  public static func servers(resolvConf text: String) -> [Endpoint] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count >= 2, words[0] == "nameserver" else { return nil }
      let address = words[1].prefix { $0 != "%" }
      return IPAddress(String(address)).map { Endpoint($0, 53) }
    }
  }

  public func exchanges(of domain: String) async throws(MailResolverError) -> [(preference: UInt16, host: String)] {
    try await records(domain, .mx).compactMap { record in
      guard let mx = try? record.data.value(as: MX.self) else { return nil }
      return (mx.preference, Self.text(mx.exchange))
    }
  }

  public func addresses(of host: String) async throws(MailResolverError) -> [IPAddress] {
    var addresses: [IPAddress] = []
    var failure: MailResolverError?
    do throws(MailResolverError) {
      addresses += try await records(host, .aaaa).compactMap { try? $0.data.value(as: AAAA.self).address }
    } catch { failure = error }
    do throws(MailResolverError) {
      addresses += try await records(host, .a).compactMap { try? $0.data.value(as: A.self).address }
    } catch { failure = error }
    if addresses.isEmpty, let failure { throw failure }
    return addresses
  }

  public func texts(of name: String) async throws(MailResolverError) -> [String] {
    try await records(name, .txt).compactMap { record in
      guard let text = try? record.data.value(as: TXT.self) else { return nil }
      return String(decoding: text.strings.joined(), as: UTF8.self)
    }
  }

  public func names(of address: IPAddress) async throws(MailResolverError) -> [String] {
    try await records(Name(reverseOf: address), .ptr).compactMap { record in
      guard let pointer = try? record.data.value(as: PTR.self) else { return nil }
      return Self.text(pointer.target)
    }
  }

  private func records(_ text: String, _ type: RecordType) async throws(MailResolverError) -> [ResourceRecord] {
    guard let name = try? Name(text.hasSuffix(".") ? text : text + ".") else { throw .noSuchName }
    return try await records(name, type)
  }

  private func records(_ name: Name, _ type: RecordType) async throws(MailResolverError) -> [ResourceRecord] {
    let key = MailRecordCache.Key(name: name, type: type)
    if let known = cache.answer(to: key) {
      guard let records = known else { throw .noSuchName }
      return records
    }
    var reason = "no resolver is configured"
    for server in servers {
      do {
        let message = try await client.query(Question(name, type), server: server).message
        switch message.responseCode {
        case .noError:
          let records = message.answers.filter { $0.type == type }
          cache.keep(records, for: key)
          return records
        case .nxDomain:
          cache.keep(nil, for: key)
          throw MailResolverError.noSuchName
        default: reason = "\(server) answers \(message.responseCode)"
        }
      } catch let error as MailResolverError {
        throw error
      } catch {
        reason = "\(server): \(error)"
      }
    }
    throw .temporary("no answer for \(name) \(type): \(reason)")
  }

  private static func text(_ name: Name) -> String {
    let text = name.description
    return text.count > 1 && text.hasSuffix(".") ? String(text.dropLast()) : text
  }
}

/// Finds the servers that take a domain's mail (RFC 5321 §5).
public struct MailRouter: Sendable {
  public struct Host: Sendable, Hashable {
    public var name: String
    public var addresses: [IPAddress]
  }

  /// Most hosts, and most addresses of one, that are tried.
  static let maximumHosts = 10
  static let maximumAddresses = 6

  private let resolver: any MailResolver

  public init(resolver: any MailResolver) { self.resolver = resolver }

  /// The hosts in the order in which they are tried; a reply that settles the matter where there are none.
  public func hosts(of domain: String) async throws(SMTPRouteFailure) -> [Host] {
    if domain.hasPrefix("["), domain.hasSuffix("]") {
      let text = domain.dropFirst().dropLast()
      let literal = text.lowercased().hasPrefix("ipv6:") ? text.dropFirst(5) : text
      guard let address = IPAddress(String(literal)) else {
        throw SMTPRouteFailure(isPermanent: true, status: "5.1.2", "the address literal \(domain) makes no sense")
      }
      return [Host(name: String(literal), addresses: [address])]
    }
    let exchanges = try await ask { () throws(MailResolverError) in try await resolver.exchanges(of: domain) }
    // A null MX: this domain takes no mail (RFC 7505).
    if exchanges.count == 1, exchanges[0].host == "." || exchanges[0].host.isEmpty {
      throw SMTPRouteFailure(isPermanent: true, status: "5.1.10", "\(domain) takes no mail (null MX)")
    }
    let names =
      exchanges.isEmpty
      ? [domain]
      : exchanges.shuffled().sorted { $0.preference < $1.preference }.map(\.host)
    var hosts: [Host] = []
    var failure: SMTPRouteFailure?
    for name in names.prefix(Self.maximumHosts) {
      do throws(SMTPRouteFailure) {
        let addresses = try await ask { () throws(MailResolverError) in try await resolver.addresses(of: name) }
        if !addresses.isEmpty {
          hosts.append(Host(name: name, addresses: Array(addresses.prefix(Self.maximumAddresses))))
        }
      } catch { failure = error }
    }
    if hosts.isEmpty {
      if let failure, !failure.isPermanent { throw failure }
      throw SMTPRouteFailure(isPermanent: true, status: "5.4.4", "no server of \(domain) has an address")
    }
    return hosts
  }

  private func ask<Value>(
    _ body: () async throws(MailResolverError) -> Value
  ) async throws(SMTPRouteFailure) -> Value {
    do { return try await body() } catch {
      switch error {
      case .noSuchName: throw SMTPRouteFailure(isPermanent: true, status: "5.1.2", "the domain does not exist")
      case .temporary(let reason): throw SMTPRouteFailure(isPermanent: false, status: "4.4.3", reason)
      }
    }
  }
}

/// Why a domain's mail can't go anywhere, now or at all.
public struct SMTPRouteFailure: Error, Sendable, Hashable {
  public var isPermanent: Bool
  public var status: String
  public var text: String

  public init(isPermanent: Bool, status: String, _ text: String) {
    self.isPermanent = isPermanent
    self.status = status
    self.text = text
  }
}
