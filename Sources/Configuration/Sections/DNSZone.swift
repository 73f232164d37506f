import WireKit

/// A zone that we answer for.
public struct DNSZone: ConfigurationRecord {
  public var name: ZoneName
  /// `nil`: `<data>/zones/NAME.zone`.
  public var file: AbsolutePath?
  /// The servers that it is transferred from; empty: the zone is ours.
  public var from: [PeerAddress] = []
  public var key: TransferKeyName?
  public var tls = false
  public var authority: AbsolutePath?
  public var catalog = false
  public var networks: [IPNetwork] = []
  public var digest = false
  public var forwardUpdates: [IPNetwork] = []
  /// `nil`: served as the file has it, signed or not.
  public var dnssec: DNSSigning?

  /// What may stand once in a list of zones.
  struct Place: Hashable {
    var name: ZoneName
    var networks: Set<IPNetwork>
  }

  public init(name: ZoneName, file: AbsolutePath? = nil) {
    self.name = name
    self.file = file
  }

  /// The name, when it says everything.
  var shortForm: ZoneName? { self == DNSZone(name: name) ? name : nil }

  public static let schema = Schema(DNSZone(name: ZoneName(labels: "invalid")), "A zone that we answer for.") { keys in
    keys.key("name", \.name, .text(), "The zone.", example: "\"acme.example\"", isRequired: true)
    keys.key(
      "file", \.file, Codec<AbsolutePath>.text().optional(), "Its zone file (RFC 1035 §5).",
      details: "Absent: `<data>/zones/NAME.zone`.", example: "\"/etc/portside/acme.zone\"")
    keys.key(
      "dnssec", \.dnssec, .switched(on: DNSSigning()), "Whether, and how, we sign the zone.",
      details:
        "`true`, or a table. Keys are made, kept sealed and replaced by themselves. Absent: the zone is served as its "
        + "file has it, which may be signed already.", example: "true")
    keys.key(
      "from", \.from, .list(.text(), count: 0...8),
      "Its primaries, the best one first: the zone is transferred from there.",
      details: "Absent: the zone is ours, and stands in `file`.", example: "[\"192.0.2.1\"]", isAlternative: true)
    keys.key(
      "key", \.key, Codec<TransferKeyName>.text(hidesValue: true).optional(),
      "The key that signs requests to the primaries, and their NOTIFY.", example: "\"tsig:ns1\"",
      isAlternative: true)
    keys.key(
      "tls", \.tls, .flag, "Whether the primaries are asked inside TLS (RFC 9103), on port 853.", example: "true",
      isAlternative: true)
    keys.key(
      "authority", \.authority, Codec<AbsolutePath>.text().optional(),
      "With `tls`: the certificate of whoever vouches for the primaries (PEM).",
      details: "Absent: the authorities that the system trusts. The certificate must name the primary's address.",
      example: "\"/etc/portside/ns1-ca.pem\"", isAlternative: true)
    keys.key(
      "networks", \.networks, .list(.text()), "Clients that are answered from it; empty: all.",
      details:
        "The same name may stand once more for each group of networks, and once without any for everybody else. Such "
        + "a zone is answered as its file has it: nothing is transferred, updated or signed.",
      example: "[\"192.168.10.0/24\"]", isAlternative: true)
    keys.key(
      "catalog", \.catalog, .flag, "Whether it is a catalog of zones (RFC 9432).",
      details:
        "With `from`: every zone that it lists is transferred from the same primaries. Without: it is made here, "
        + "and lists all zones of ours, for secondaries to take.", example: "true", isAlternative: true)
    keys.key(
      "forward_updates", \.forwardUpdates, .list(.text()),
      "With `from`: clients whose dynamic updates are handed on to the primary (RFC 2136 §6).",
      details: "As they came, signature included: the primary must go by keys, as it sees this server's address.",
      example: "[\"192.168.10.0/24\"]", isAlternative: true)
    keys.key(
      "digest", \.digest, .flag, "Whether it is served with a digest of itself (ZONEMD, RFC 8976).",
      details: "Not for zones that are signed here.", example: "true", isAlternative: true)
  }

  public func problems() -> [Problem] {
    if from.isEmpty, key != nil || tls {
      return [Problem(ConfigurationPath(key != nil ? "key" : "tls"), "has no effect without from", severity: .warning)]
    }
    if from.isEmpty, !forwardUpdates.isEmpty {
      return [Problem(ConfigurationPath("forward_updates"), "has no effect without from", severity: .warning)]
    }
    if authority != nil, !tls {
      return [Problem(ConfigurationPath("authority"), "has no effect without tls", severity: .warning)]
    }
    if !networks.isEmpty, !from.isEmpty || catalog || digest || dnssec != nil {
      return [Problem(ConfigurationPath("networks"), "a zone for some networks alone is answered as its file has it")]
    }
    guard !from.isEmpty, file != nil else { return [] }
    return [Problem(ConfigurationPath("file"), "a zone that is transferred has no file")]
  }
}
