import WireKit

/// A secondary of a zone.
public struct DNSTransfer: ConfigurationRecord {
  public var zone: ZoneName
  public var to: PeerAddress
  public var key: TransferKeyName?

  public static let schema = Schema(
    DNSTransfer(zone: ZoneName(labels: "invalid"), to: PeerAddress(IPAddress(0, 0, 0, 0))), "A secondary of a zone."
  ) { keys in
    keys.key("zone", \.zone, .text(), "The zone.", example: "\"acme.example\"", isRequired: true)
    keys.key("to", \.to, .text(), "The secondary's address.", example: "\"198.51.100.9\"", isRequired: true)
    keys.key(
      "key", \.key, Codec<TransferKeyName>.text(hidesValue: true).optional(),
      "The key of the store that must sign the transfer (RFC 8945).", example: "\"tsig:ns2\"")
  }
}
