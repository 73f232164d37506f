import WireKit

/// `[dns]`: zones of our own, and names of others.
public struct DNSSection: ServiceSection {
  /// Records that the services publish about themselves.
  public enum Publication: String, ConfigurationChoice {
    case mx, spf, dkim, dmarc
    case mtaSTS = "mta-sts"
    case tlsa, sshfp, caa, autoconfig
  }

  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(53)
  public var tlsPort = ListenPort.number(853)
  public var recursion: [IPNetwork] = []
  public var forward: [UpstreamURL<ResolverKind>] = []
  public var publish: [Publication] = [.mx, .spf, .dkim, .dmarc, .mtaSTS, .autoconfig]
  public var zones: [DNSZone] = []
  public var transfer: [DNSTransfer] = []
  public var update: [DNSUpdate] = []
  public var tsig: [DNSKeyEntry] = []
  public var cache = ByteSize(bytes: 64_000_000)
  public var rateLimit = 200
  public var identifier: PlainText?
  public var udpSize = 1232
  public var requireCookies = false
  public var alias: [DNSAlias] = []
  public var overHTTPS = true
  public var validate = true
  public var trustAnchors: [TrustAnchorText] = []
  public var insecure: [ZoneName] = []
  public var roots: [PeerAddress] = []
  public var blockLists: [AbsolutePath] = []
  public var policyZones: [AbsolutePath] = []
  public var synthesisPrefix: IPNetwork?

  public init() {}

  /// Whether names of others are looked up: for clients, or for names of ours that have their addresses.
  public var asksOthers: Bool { !recursion.isEmpty || !alias.isEmpty }

  public static let ports = [
    ServicePort<DNSSection>(service: .dns, key: "port", place: \.port, transports: [.udp, .tcp], tls: .none),
    ServicePort<DNSSection>(service: .dot, key: "tls_port", place: \.tlsPort, transports: [.tcp], tls: .implicit),
  ]

  public static let schema = Schema(DNSSection(), "Zones of our own, and names of others for those who may ask.") {
    keys in
    keys.service("DNS")
    keys.port("port", "The port for UDP and TCP.")
    keys.port("tls_port", "The port for DNS over TLS (RFC 7858).")
    keys.key(
      "recursion", \.recursion, .list(.text()), "Networks that may ask for names outside of our zones.",
      example: "[\"192.168.10.0/24\"]")
    keys.key(
      "forward", \.forward, .list(.text(), count: 0...16), "Resolvers to ask; empty: begin at the roots.",
      details: "`tls://`, `https://`, `udp://` or `tcp://`, with an address.", example: "[\"tls://9.9.9.9\"]")
    keys.key(
      "publish", \.publish, .list(.choice), "Records that services publish about themselves in our zones.",
      details:
        "What a zone's file says itself goes first. `mta-sts` is TLS-RPT as well, `autoconfig` the SRV records too.",
      example: "[\"mx\", \"spf\", \"dkim\", \"dmarc\", \"mta-sts\", \"tlsa\", \"sshfp\", \"caa\", \"autoconfig\"]")
    keys.key(
      "zones", \.zones, .list(.either(ZoneName.self, expanded: { DNSZone(name: $0) }, shortened: \.shortForm)),
      "The zones that we answer for.",
      details: "A name alone has its file at `<data>/zones/NAME.zone`; a table names another file.",
      example: "[\"acme.example\", { name = \"lan.acme.example\", file = \"/etc/portside/lan.zone\" }]")
    keys.key(
      "transfer", \.transfer, .list(.record()), "Secondaries that are notified and may transfer a zone.",
      example: "[{ zone = \"acme.example\", to = \"198.51.100.9\", key = \"tsig:ns2\" }]")
    keys.key(
      "update", \.update, .list(.record()), "Who may change a zone by dynamic updates (RFC 2136).",
      example: "[{ zone = \"acme.example\", key = \"tsig:ddns\", types = [\"A\", \"TXT\"] }]")
    keys.key(
      "tsig", \.tsig, .list(.record()), "Keys that sign transfers, NOTIFY and updates (RFC 8945).",
      details: "A key that does not stand here is looked for among those that `portside zone key` made.",
      example: "[{ name = \"ns2\", secret = \"file:/etc/portside/ns2.key\" }]")
    keys.key(
      "cache", \.cache, .size(ByteSize(bytes: 1_000_000)...ByteSize(bytes: 1 << 40)),
      "Memory for other servers' answers.",
      example: "\"64MB\"")
    keys.key(
      "rate_limit", \.rateLimit, .integer(0...1_000_000),
      "Like answers per second to one source network over UDP; 0: any number.",
      details:
        "Every second one above it is dropped, the others are truncated, so that we are of no use for reflection. "
        + "Clients with a cookie of ours, loopback and the networks of `recursion` are not counted.", example: "200")
    keys.key(
      "identifier", \.identifier, Codec<PlainText>.text().optional(),
      "What this server answers to NSID (RFC 5001) and `id.server`.", example: "\"ns1\"")
    keys.key(
      "require_cookies", \.requireCookies, .flag,
      "Whether UDP clients that send a cookie are answered only with one of ours (RFC 7873 §5.2.3).",
      details: "They get it with BADCOOKIE and ask again. Clients without cookies are answered as ever.",
      example: "false")
    keys.key(
      "alias", \.alias, .list(.record()), "Names of our zones that have the addresses of another name.",
      details:
        "For the top of a zone, where no CNAME may stand. The addresses are looked up, and followed as they change; they "
        + "are served, transferred and signed as the zone's own. What the zone's file has at the name goes first.",
      example: "[{ name = \"acme.example\", to = \"acme.hosting.example\" }]")
    keys.key(
      "over_https", \.overHTTPS, .flag, "Whether the web server answers DNS at `/dns-query` inside TLS (RFC 8484).",
      details: "On every site, where HTTPS is configured.", example: "true")
    keys.key(
      "validate", \.validate, .flag, "Whether answers from outside are checked by DNSSEC (RFC 4035 §5).",
      details:
        "Wrong ones become SERVFAIL, with the reason beside it (RFC 8914). Resolvers in `forward` must pass DNSSEC "
        + "records on.", example: "true")
    keys.key(
      "trust_anchors", \.trustAnchors, .list(.text(), count: 0...32), "Keys that are trusted, each by its DS record.",
      details: "Empty: the root's, which are built in and followed as they are replaced (RFC 5011).",
      example: "[\". 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\"]")
    keys.key(
      "insecure", \.insecure, .list(.text()), "Zones whose signatures are not looked at (RFC 7646).",
      details: "For names that only your forwarders know, and for zones that are known to be broken.",
      example: "[\"corp.internal\"]")
    keys.key(
      "roots", \.roots, .list(.text(), count: 0...32), "Root servers to begin at.",
      details: "Empty: the Internet's. For networks that have a root of their own.", example: "[\"198.51.100.1\"]")
    keys.key(
      "block_lists", \.blockLists, .list(.text(), count: 0...32), "Files of names that don't exist for who may ask.",
      details:
        "A name on each line, or lines of a hosts file, or of an ad blocker's list (`||name^`). What lies below a name "
        + "is blocked with it. Read at the start and at each reload.", example: "[\"/etc/portside/ads.txt\"]")
    keys.key(
      "policy_zones", \.policyZones, .list(.text(), count: 0...32), "Response policy zones (RPZ), as zone files.",
      details:
        "Triggers are names. They go before block lists, the first one before the others: `rpz-passthru.` lets a name "
        + "through.", example: "[\"/etc/portside/policy.rpz\"]")
    keys.key(
      "dns64", \.synthesisPrefix, Codec<IPNetwork>.text().optional(),
      "The prefix of IPv6 addresses that are made up for hosts without any (RFC 6147).",
      details: "For networks without IPv4 behind a NAT64 with that prefix.", example: "\"64:ff9b::/96\"")
    keys.key(
      "udp_size", \.udpSize, .integer(512...4096), "The largest UDP answer, in bytes.",
      details: "1232 fits any path without fragments (DNS Flag Day 2020).", example: "1232")
  }

  public func problems() -> [Problem] {
    var problems: [Problem] = []
    var seen: Set<ZoneName> = []
    var places: Set<DNSZone.Place> = []
    for (index, zone) in zones.enumerated() {
      if zone.networks.isEmpty { seen.insert(zone.name) }
      guard !places.insert(DNSZone.Place(name: zone.name, networks: Set(zone.networks))).inserted else { continue }
      problems.append(
        Problem(ConfigurationPath("zones").appending(index: index), "the zone \"\(zone.name)\" is here twice"))
    }
    if let prefix = synthesisPrefix,
      prefix.address.family != .v6 || ![32, 40, 48, 56, 64, 96].contains(prefix.prefixLength)
    {
      problems.append(
        Problem(ConfigurationPath("dns64"), "\(prefix) is no prefix of RFC 6052", hint: "usual is \"64:ff9b::/96\""))
    }
    problems += transferProblems(seen)
    for (index, entry) in alias.enumerated()
    where !zones.contains(where: {
      $0.from.isEmpty && $0.networks.isEmpty
        && entry.name.labels.suffix($0.name.labels.count).elementsEqual($0.name.labels)
    }) {
      problems.append(
        Problem(
          ConfigurationPath("alias").appending(index: index).appending("name"),
          "\"\(entry.name)\" lies in no zone of ours", basis: [ConfigurationPath("zones")]))
    }
    for (index, network) in recursion.enumerated() where network.prefixLength == 0 {
      problems.append(
        Problem(
          ConfigurationPath("recursion").appending(index: index), "\(network) makes this an open resolver",
          hint: "name the networks that are meant"))
    }
    return problems
  }

  /// Zones that `transfer` and `update` name, and that there are none of; keys that stand twice.
  private func transferProblems(_ known: Set<ZoneName>) -> [Problem] {
    var problems: [Problem] = []
    let zone = { (list: String, index: Int, name: ZoneName) -> Problem? in
      known.contains(name)
        ? nil
        : Problem(
          ConfigurationPath(list).appending(index: index).appending("zone"), "\"\(name)\" is not among dns.zones",
          hint: NearestName.hint(name.description, among: zones.map(\.name.description)),
          basis: [ConfigurationPath("zones")])
    }
    for (index, entry) in transfer.enumerated() {
      problems += [zone("transfer", index, entry.zone)].compactMap { $0 }
    }
    for (index, entry) in update.enumerated() {
      problems += [zone("update", index, entry.zone)].compactMap { $0 }
      if let own = zones.first(where: { $0.name == entry.zone }), !own.from.isEmpty {
        problems.append(
          Problem(
            ConfigurationPath("update").appending(index: index).appending("zone"),
            "\"\(entry.zone)\" is another server's: updates go there", basis: [ConfigurationPath("zones")]))
      }
    }
    var names: Set<ZoneName> = []
    for (index, entry) in tsig.enumerated() where !names.insert(entry.name).inserted {
      problems.append(
        Problem(ConfigurationPath("tsig").appending(index: index), "the key \"\(entry.name)\" is here twice"))
    }
    return problems
  }
}
