import HTTPCore
import Services
import Transport
import WireKit

/// A site as it runs.
final class Site: Sendable {
  let configuration: SiteConfiguration
  let handler: any SiteHandler
  /// Content at paths, the longest first.
  let parts: [PathSite]
  /// `nil` without rules.
  let guardian: SiteGuard?
  /// Fields that every reply inside TLS gets.
  let secureFields: Fields?

  init(_ configuration: SiteConfiguration, handler: any SiteHandler, parts: [PathSite], guardian: SiteGuard?) {
    self.configuration = configuration
    self.handler = handler
    self.parts = parts
    self.guardian = guardian
    secureFields = configuration.strictTransportSeconds.map { seconds in
      var fields = Fields()
      fields.append(.strictTransportSecurity, "max-age=\(max(0, seconds))")
      return fields
    }
  }
}

/// Which site answers for which host: an immutable snapshot, replaced as a whole by a reload.
final class SiteTable: Sendable {
  let configuration: HTTPServerConfiguration
  let sites: [Site]
  /// Names in lower case; those of wildcards without their `*`.
  private let names: [(name: String, isWildcard: Bool, site: Int)]
  /// Positions in `names` by hash.
  private let index: [UInt64: [Int]]
  private let defaultSite: Int?

  /// Builds the table. Directories that `previous` serves already are kept open, with what is known of their files.
  init(
    _ configuration: HTTPServerConfiguration, previous: SiteTable?, desk: LogInDesk, caches: FileCaches,
    context: ServerContext
  ) throws(HTTPServerError) {
    self.configuration = configuration
    var sites: [Site] = []
    var names: [(name: String, isWildcard: Bool, site: Int)] = []
    var index: [UInt64: [Int]] = [:]
    for site in configuration.sites {
      for name in site.names {
        let (text, isWildcard) = try Self.normalise(name)
        guard !names.contains(where: { $0.name == text && $0.isWildcard == isWildcard }) else {
          throw HTTPServerError(.duplicateName(name))
        }
        index[Self.hash(Array(text.utf8).span.bytes), default: []].append(names.count)
        names.append((text, isWildcard, sites.count))
      }
      sites.append(try Self.make(site, previous, desk, caches, context))
    }
    var defaultSite: Int?
    if let wanted = configuration.defaultSite?.lowercased() {
      defaultSite = names.first { $0.name == wanted && !$0.isWildcard }?.site
      guard defaultSite != nil else { throw HTTPServerError(.unknownDefault(wanted)) }
    }
    (self.sites, self.names, self.index, self.defaultSite) = (sites, names, index, defaultSite)
  }

  /// The site for a request's host, or the default one.
  func site(for request: HTTPRequest) -> Site? {
    let position = request.withHost { host -> Int? in
      let end = host.byte(at: host.byteCount - 1) == 0x2E ? host.byteCount - 1 : host.byteCount
      let name = host.extracting(0..<max(end, 0))
      if let exact = find(name, isWildcard: false) { return exact }
      guard let dot = (0..<name.byteCount).first(where: { name.byte(at: $0) == 0x2E }), dot > 0 else { return nil }
      return find(name.extracting(dot..<name.byteCount), isWildcard: true)
    }
    return (position ?? defaultSite).map { sites[$0] }
  }

  private func find(_ name: RawSpan, isWildcard: Bool) -> Int? {
    guard let positions = index[Self.hash(name)] else { return nil }
    for position in positions where names[position].isWildcard == isWildcard {
      if Self.matches(name, names[position].name) { return names[position].site }
    }
    return nil
  }

  private static func matches(_ host: RawSpan, _ name: String) -> Bool {
    guard host.byteCount == name.utf8.count else { return false }
    var index = 0
    for byte in name.utf8 {
      guard lowercased(host.byte(at: index) ?? 0) == byte else { return false }
      index += 1
    }
    return true
  }

  private static func hash(_ name: RawSpan) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in 0..<name.byteCount {
      hash = (hash ^ UInt64(lowercased(name.byte(at: index) ?? 0))) &* 0x100_0000_01B3
    }
    return hash
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

  private static func normalise(_ name: String) throws(HTTPServerError) -> (String, isWildcard: Bool) {
    var text = name.lowercased()
    if text.hasSuffix(".") { text.removeLast() }
    let isWildcard = text.hasPrefix("*.")
    if isWildcard { text.removeFirst() }
    let legal = text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x3A, 0x5B, 0x5D: true
      default: false
      }
    }
    guard legal, text.utf8.count > (isWildcard ? 1 : 0), text.utf8.count <= 255 else {
      throw HTTPServerError(.malformedName(name))
    }
    return (text, isWildcard)
  }

  private static func make(
    _ site: SiteConfiguration, _ previous: SiteTable?, _ desk: LogInDesk, _ caches: FileCaches,
    _ context: ServerContext
  ) throws(HTTPServerError) -> Site {
    var parts: [PathSite] = []
    for part in site.parts.sorted(by: { $0.path.utf8.count > $1.path.utf8.count }) {
      parts.append(PathSite(part.path, try handler(part.content, previous, caches, context)))
    }
    let old = previous?.sites.first { $0.configuration.names == site.names }
    let guardian =
      site.rules.isEmpty
      ? nil : SiteGuard(site.rules, previous: old?.guardian, desk: desk, clock: context.clock)
    return Site(
      site, handler: try handler(site.content, previous, caches, context), parts: parts, guardian: guardian)
  }

  private static func handler(
    _ content: SiteConfiguration.Content, _ previous: SiteTable?, _ caches: FileCaches, _ context: ServerContext
  ) throws(HTTPServerError) -> any SiteHandler {
    let old = previous?.sites.flatMap { [$0.handler] + $0.parts.map(\.handler) } ?? []
    switch content {
    case .handler(let handler): return handler
    case .redirect(let origin): return RedirectSite(origin: origin)
    case .proxy(let configuration):
      for handler in old {
        if let site = handler as? ProxySite, site.configuration == configuration { return site }
      }
      return try ProxySite(configuration, context: context)
    case .directory(let configuration):
      for handler in old {
        if let site = handler as? StaticSite, site.configuration == configuration { return site }
      }
      return try StaticSite(configuration, caches: caches)
    }
  }
}
