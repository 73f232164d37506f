/// A zone that we answer for.
public struct DNSZone: ConfigurationRecord {
  public var name: ZoneName
  /// `nil`: `<data>/zones/NAME.zone`.
  public var file: AbsolutePath?
  /// `nil`: served as the file has it, signed or not.
  public var dnssec: DNSSigning?

  public init(name: ZoneName, file: AbsolutePath? = nil) {
    self.name = name
    self.file = file
  }

  /// The name, when it says everything.
  var shortForm: ZoneName? { file == nil && dnssec == nil ? name : nil }

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
  }
}
