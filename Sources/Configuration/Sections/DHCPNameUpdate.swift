import WireKit

/// A zone of another server that gets the names of leases.
public struct DHCPNameUpdate: ConfigurationRecord {
  public var zone: ZoneName
  public var to: PeerAddress
  public var key: TransferKeyName?

  public static let schema = Schema(
    DHCPNameUpdate(zone: ZoneName(labels: "invalid"), to: PeerAddress(IPAddress(v4: 0))),
    "A zone of another server that gets the names of leases."
  ) { keys in
    keys.key("zone", \.zone, .text(), "The zone.", example: "\"lan.acme.example\"", isRequired: true)
    keys.key(
      "to", \.to, .text(), "Its primary, which takes the updates.", example: "\"192.168.10.2\"", isRequired: true)
    keys.key(
      "key", \.key, Codec<TransferKeyName>.text(hidesValue: true).optional(),
      "The key that signs the updates (RFC 8945): of `dns.tsig`, or of `portside zone key`.",
      details: "Absent: the server must trust our address.", example: "\"tsig:dhcp\"")
  }
}
