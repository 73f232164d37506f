/// A zone that we answer for.
public struct DNSZone: ConfigurationRecord {
  public var name: ZoneName
  /// `nil`: `<data>/zones/NAME.zone`.
  public var file: AbsolutePath?
  /// The servers that it is transferred from; empty: the zone is ours.
  public var from: [PeerAddress] = []
  public var key: TransferKeyName?
  public var tls = false
  /// `nil`: served as the file has it, signed or not.
  public var dnssec: DNSSigning?

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
  }

  public func problems() -> [Problem] {
    if from.isEmpty, key != nil || tls {
      return [Problem(ConfigurationPath(key != nil ? "key" : "tls"), "has no effect without from", severity: .warning)]
    }
    guard !from.isEmpty, file != nil else { return [] }
    return [Problem(ConfigurationPath("file"), "a zone that is transferred has no file")]
  }
}
