import WireKit

/// `tls.acme_server`: whom the private authority issues certificates for, by ACME.
public struct ACMEServerSection: ConfigurationRecord {
  public var from: [IPNetwork] = []
  public var domains: [HostName] = []
  public var lifetime = Duration.seconds(90 * 86_400)
  public var validationPort = 80
  public var bindingID: PlainText?
  public var bindingKey: SecretReference?

  public init() {}

  public static let schema = Schema(ACMEServerSection(), "Whom the private authority issues certificates for.") {
    keys in
    keys.key(
      "from", \.from, .list(.text(), count: 1...64), "Networks whose machines may ask.",
      example: "[\"192.168.10.0/24\"]", isRequired: true)
    keys.key(
      "domains", \.domains, .list(.text(), count: 1...64), "Domains whose names are issued, themselves and all below.",
      example: "[\"lan.acme.example\"]", isRequired: true)
    keys.key(
      "lifetime", \.lifetime, .duration(.seconds(86_400) ... .seconds(397 * 86_400)),
      "How long a certificate is valid.",
      example: "\"90d\"")
    keys.key(
      "validation_port", \.validationPort, .integer(1...65_535), "The port that http-01 looks at.", example: "80")
    keys.key(
      "binding_id", \.bindingID, Codec<PlainText>.text().optional(),
      "An identifier that new accounts must be bound to; absent: none need be.", example: "\"office\"")
    keys.key(
      "binding_key", \.bindingKey, Codec<SecretReference>.secret.optional(), "The key that goes with it, in base64url.",
      example: "\"credential:acme-clients\"")
  }

  public func problems() -> [Problem] {
    guard (bindingID == nil) != (bindingKey == nil) else { return [] }
    return [
      Problem(
        ConfigurationPath(bindingID == nil ? "binding_key" : "binding_id"), "binding_id and binding_key go together")
    ]
  }
}
