import WireKit

/// A secondary of a zone.
public struct DNSTransfer: ConfigurationRecord {
  public var zone: ZoneName
  public var to: PeerAddress?
  public var networks: [IPNetwork] = []
  public var key: TransferKeyName?

  public static let schema = Schema(
    DNSTransfer(zone: ZoneName(labels: "invalid")), "A secondary of a zone."
  ) { keys in
    keys.key("zone", \.zone, .text(), "The zone.", example: "\"acme.example\"", isRequired: true)
    keys.key(
      "to", \.to, Codec<PeerAddress>.text().optional(), "The secondary's address: it is notified, and may transfer.",
      example: "\"198.51.100.9\"")
    keys.key(
      "networks", \.networks, .list(.text()), "Others that may transfer, and are not notified.",
      example: "[\"198.51.100.0/28\"]")
    keys.key(
      "key", \.key, Codec<TransferKeyName>.text(hidesValue: true).optional(),
      "The key that must sign the transfer (RFC 8945), and signs NOTIFY.",
      details: "Without `to` and `networks`, whoever has the key may transfer.", example: "\"tsig:ns2\"")
  }

  public func problems() -> [Problem] {
    guard to == nil, networks.isEmpty, key == nil else { return [] }
    return [Problem(.root, "needs to, networks or key", hint: "such as to = \"198.51.100.9\"")]
  }
}

/// Who may change a zone by dynamic updates.
public struct DNSUpdate: ConfigurationRecord {
  public var zone: ZoneName
  public var key: UpdateKeyName
  public var networks: [IPNetwork] = []
  public var below: [ZoneName] = []
  public var types: [PlainText] = []

  public static let schema = Schema(
    DNSUpdate(zone: ZoneName(labels: "invalid"), key: .none), "Who may change a zone by dynamic updates (RFC 2136)."
  ) { keys in
    keys.key("zone", \.zone, .text(), "The zone.", example: "\"acme.example\"", isRequired: true)
    keys.key(
      "key", \.key, .text(hidesValue: true), "The key that must sign the update.",
      details:
        "`tsig:NAME` is a shared one (RFC 8945). `sig0:NAME` is the private half of the KEY record that the zone's file has "
        + "at that name (RFC 2931), as `dnssec-keygen -T KEY -n HOST` makes them.",
      example: "\"tsig:ddns\"", isRequired: true)
    keys.key(
      "networks", \.networks, .list(.text()), "Where updates may come from; empty: from anywhere.",
      example: "[\"192.168.10.0/24\"]")
    keys.key(
      "below", \.below, .list(.text()), "Names at and below these alone; empty: the whole zone.",
      example: "[\"_acme-challenge.acme.example\"]")
    keys.key(
      "types", \.types, .list(.text()), "Record types alone that may be changed; empty: all.",
      example: "[\"A\", \"AAAA\", \"TXT\"]")
  }
}

/// A key that two servers share.
public struct DNSKeyEntry: ConfigurationRecord {
  /// RFC 8945 §6.
  public enum Algorithm: String, ConfigurationChoice {
    case hmacSHA256 = "hmac-sha256"
    case hmacSHA384 = "hmac-sha384"
    case hmacSHA512 = "hmac-sha512"
  }

  public var name: ZoneName
  public var algorithm = Algorithm.hmacSHA256
  public var secret: SecretReference

  public static let schema = Schema(
    DNSKeyEntry(name: ZoneName(labels: "invalid"), secret: .environment("NONE")), "A key that two servers share."
  ) { keys in
    keys.key(
      "name", \.name, .text(), "Its name, the same at the other server.", example: "\"ns2\"", isRequired: true)
    keys.key("algorithm", \.algorithm, .choice, "How it signs.", example: "\"hmac-sha256\"")
    keys.key(
      "secret", \.secret, .secret, "The key itself, in base64 as `tsig-keygen` and `keymgr -t` print it.",
      example: "\"file:/etc/portside/ns2.key\"", isRequired: true)
  }
}
