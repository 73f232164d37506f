import WireKit

/// A name of ours that has the addresses of another one.
public struct DNSAlias: ConfigurationRecord {
  public var name: ZoneName
  public var to: ZoneName

  public static let schema = Schema(
    DNSAlias(name: ZoneName(labels: "invalid"), to: ZoneName(labels: "invalid")),
    "A name of ours that has the addresses of another one."
  ) { keys in
    keys.key("name", \.name, .text(), "The name of ours.", example: "\"acme.example\"", isRequired: true)
    keys.key(
      "to", \.to, .text(), "The name whose addresses it has.", example: "\"acme.hosting.example\"", isRequired: true)
  }
}
