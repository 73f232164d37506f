import SMTPClient
import WireKit

/// Whether a host may send for a domain (RFC 7208), within that RFC's bounds on look-ups.
struct SPFCheck: Sendable {
  enum Result: String, Sendable {
    case pass, fail, softfail, neutral, none, temperror, permerror
  }

  /// Terms that cause look-ups, and look-ups that find nothing (§4.6.4).
  private static let maximumLookUps = 10
  private static let maximumVoid = 2
  private static let maximumExchanges = 10

  private struct Trouble: Error {
    var result: Result
  }

  private let resolver: any MailResolver
  private let address: IPAddress
  private let sender: String
  private let hello: String
  private var lookUps = 0
  private var voids = 0

  /// - Parameter sender: `local@domain`; for the null path `postmaster@` and the client's name for itself (§2.4).
  init(resolver: any MailResolver, address: IPAddress, sender: String, hello: String) {
    self.resolver = resolver
    self.address = address
    self.sender = sender
    self.hello = hello
  }

  static func check(
    _ resolver: any MailResolver, address: IPAddress, sender: String, hello: String
  ) async -> Result {
    guard let at = sender.lastIndex(of: "@") else { return .none }
    let domain = String(sender[sender.index(after: at)...])
    var check = SPFCheck(resolver: resolver, address: address, sender: sender, hello: hello)
    return await check.checkHost(domain, depth: 0)
  }

  private mutating func checkHost(_ domain: String, depth: Int) async -> Result {
    guard depth <= Self.maximumLookUps, domain.contains("."), domain.utf8.count <= 253 else { return .none }
    let records: [String]
    do throws(MailResolverError) {
      records = try await resolver.texts(of: domain).filter {
        $0 == "v=spf1" || $0.lowercased().hasPrefix("v=spf1 ")
      }
    } catch {
      switch error {
      case .noSuchName: return .none
      case .temporary: return .temperror
      }
    }
    guard let record = records.first else { return .none }
    guard records.count == 1 else { return .permerror }
    do { return try await evaluate(record, domain, depth: depth) } catch let trouble as Trouble {
      return trouble.result
    } catch { return .temperror }
  }

  private mutating func evaluate(_ record: String, _ domain: String, depth: Int) async throws -> Result {
    var redirect: String?
    for term in record.split(separator: " ").dropFirst() {
      if let equals = term.firstIndex(of: "="), term[..<equals].allSatisfy({ $0.isLetter || "-_.".contains($0) }),
        term.first?.isLetter == true
      {
        // Modifiers; all but `redirect` are nothing to us (§6).
        if term[..<equals].lowercased() == "redirect" { redirect = String(term[term.index(after: equals)...]) }
        continue
      }
      var word = term
      var result = Result.pass
      switch word.first {
      case "+": word = word.dropFirst()
      case "-": (result, word) = (.fail, word.dropFirst())
      case "~": (result, word) = (.softfail, word.dropFirst())
      case "?": (result, word) = (.neutral, word.dropFirst())
      default: break
      }
      if try await matches(word, domain, depth: depth) { return result }
    }
    guard let redirect else { return .neutral }
    try countLookUp()
    let result = await checkHost(try await expand(redirect, domain), depth: depth + 1)
    return result == .none ? .permerror : result
  }

  /// Whether a mechanism matches (§5).
  private mutating func matches(_ term: Substring, _ domain: String, depth: Int) async throws -> Bool {
    let name = term.prefix { $0 != ":" && $0 != "/" }.lowercased()
    var rest = term.dropFirst(name.count)
    var argument: String?
    if rest.first == ":" {
      rest = rest.dropFirst()
      if name == "ip4" || name == "ip6" { return try matchesNetwork(rest, isV6: name == "ip6") }
      let value = rest.prefix { $0 != "/" }
      rest = rest.dropFirst(value.count)
      argument = String(value)
    }
    switch name {
    case "all": return true
    case "include":
      guard let argument else { throw Trouble(result: .permerror) }
      try countLookUp()
      switch await checkHost(try await expand(argument, domain), depth: depth + 1) {
      case .pass: return true
      case .fail, .softfail, .neutral: return false
      case .temperror: throw Trouble(result: .temperror)
      case .permerror, .none: throw Trouble(result: .permerror)
      }
    case "a":
      try countLookUp()
      return try await isAmong(try await expand(argument ?? domain, domain), try prefixes(rest))
    case "mx":
      try countLookUp()
      let lengths = try prefixes(rest)
      let name = try await expand(argument ?? domain, domain)
      let exchanges = try await ask([]) { resolver throws(MailResolverError) in
        try await resolver.exchanges(of: name).map(\.host)
      }
      guard exchanges.count <= Self.maximumExchanges else { throw Trouble(result: .permerror) }
      for exchange in exchanges where try await isAmong(exchange, lengths) { return true }
      return false
    case "ptr":
      try countLookUp()
      return try await hasName(within: try await expand(argument ?? domain, domain))
    case "exists":
      guard let argument else { throw Trouble(result: .permerror) }
      try countLookUp()
      let name = try await expand(argument, domain)
      return try await !ask([]) { resolver throws(MailResolverError) in
        try await resolver.addresses(of: name).filter { $0.family == .v4 }
      }.isEmpty
    default: throw Trouble(result: .permerror)
    }
  }

  private func matchesNetwork(_ text: Substring, isV6: Bool) throws -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let base = IPAddress(String(parts[0])), (base.family == .v6) == isV6,
      let length = parts.count == 2 ? Int(parts[1]) : base.family.bitWidth,
      let network = IPNetwork(containing: base, prefixLength: length)
    else { throw Trouble(result: .permerror) }
    return network.contains(address)
  }

  private mutating func isAmong(_ host: String, _ lengths: (v4: Int, v6: Int)) async throws -> Bool {
    let addresses = try await ask([]) { resolver throws(MailResolverError) in try await resolver.addresses(of: host) }
    return addresses.contains { candidate in
      candidate.family == address.family
        && IPNetwork(containing: candidate, prefixLength: candidate.family == .v4 ? lengths.v4 : lengths.v6)?
          .contains(address) == true
    }
  }

  private mutating func hasName(within domain: String) async throws -> Bool {
    let source = address
    let names = try await ask([]) { resolver throws(MailResolverError) in try await resolver.names(of: source) }
    for name in names.prefix(Self.maximumExchanges)
    where name.lowercased() == domain.lowercased() || name.lowercased().hasSuffix("." + domain.lowercased()) {
      let addresses = try await ask([]) { resolver throws(MailResolverError) in try await resolver.addresses(of: name) }
      if addresses.contains(address) { return true }
    }
    return false
  }

  /// `/24`, `//64`, `/24//64`
  private func prefixes(_ text: Substring) throws -> (v4: Int, v6: Int) {
    guard !text.isEmpty else { return (32, 128) }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    var lengths = (v4: 32, v6: 128)
    if parts.count >= 2, !parts[1].isEmpty {
      guard let length = Int(parts[1]), (0...32).contains(length) else { throw Trouble(result: .permerror) }
      lengths.v4 = length
    }
    if parts.count == 4 {
      guard parts[2].isEmpty, let length = Int(parts[3]), (0...128).contains(length) else {
        throw Trouble(result: .permerror)
      }
      lengths.v6 = length
    } else if parts.count == 3 {
      guard parts[1].isEmpty, let length = Int(parts[2]), (0...128).contains(length) else {
        throw Trouble(result: .permerror)
      }
      lengths.v6 = length
    }
    return lengths
  }

  // MARK: Look-ups

  private mutating func countLookUp() throws {
    lookUps += 1
    guard lookUps <= Self.maximumLookUps else { throw Trouble(result: .permerror) }
  }

  private mutating func ask<Element>(
    _ nothing: [Element], _ body: (any MailResolver) async throws(MailResolverError) -> [Element]
  ) async throws -> [Element] {
    var found = nothing
    do throws(MailResolverError) { found = try await body(resolver) } catch {
      if case .temporary = error { throw Trouble(result: .temperror) }
    }
    if found.isEmpty {
      voids += 1
      guard voids <= Self.maximumVoid else { throw Trouble(result: .permerror) }
    }
    return found
  }

  /// Macros (§7).
  private func expand(_ text: String, _ domain: String) async throws -> String {
    var output = ""
    var rest = text[...]
    while let percent = rest.firstIndex(of: "%") {
      output += rest[..<percent]
      rest = rest[rest.index(after: percent)...]
      switch rest.popFirst() {
      case "%": output += "%"
      case "_": output += " "
      case "-": output += "%20"
      case "{":
        guard let end = rest.firstIndex(of: "}") else { throw Trouble(result: .permerror) }
        output += try value(of: rest[..<end], domain)
        rest = rest[rest.index(after: end)...]
      default: throw Trouble(result: .permerror)
      }
    }
    return output + rest
  }

  private func value(of macro: Substring, _ domain: String) throws -> String {
    guard let letter = macro.first?.lowercased() else { throw Trouble(result: .permerror) }
    let at = sender.lastIndex(of: "@") ?? sender.endIndex
    let raw: String
    switch letter {
    case "s": raw = sender
    case "l": raw = String(sender[..<at])
    case "o": raw = String(sender[at...].dropFirst())
    case "d": raw = domain
    case "i":
      raw =
        address.family == .v4
        ? address.description
        : address.octets.flatMap { [$0 >> 4, $0 & 15] }.map { String($0, radix: 16) }.joined(separator: ".")
    case "v": raw = address.family == .v4 ? "in-addr" : "ip6"
    case "h": raw = hello
    case "p": raw = "unknown"
    default: throw Trouble(result: .permerror)
    }
    var options = macro.dropFirst()
    let digits = options.prefix { $0.isWholeNumber }
    options = options.dropFirst(digits.count)
    let isReversed = options.first == "r" || options.first == "R"
    if isReversed { options = options.dropFirst() }
    guard options.allSatisfy({ ".-+,/_=".contains($0) }) else { throw Trouble(result: .permerror) }
    let delimiters = options.isEmpty ? "." : String(options)
    var parts = raw.split(omittingEmptySubsequences: false) { delimiters.contains($0) }
    if isReversed { parts.reverse() }
    if !digits.isEmpty {
      guard let count = Int(digits), count > 0 else { throw Trouble(result: .permerror) }
      parts = Array(parts.suffix(count))
    }
    return parts.joined(separator: ".")
  }
}
