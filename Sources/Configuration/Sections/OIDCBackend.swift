/// `[auth.oidc.NAME]`: an identity provider for log-ins on the web.
public struct OIDCBackend: ConfigurationRecord {
  public var issuer: UpstreamURL<WebKind>
  public var client: PlainText
  public var secret: SecretReference

  public static let schema = Schema(
    OIDCBackend(issuer: .placeholder("https"), client: PlainText(""), secret: .environment("")), "An identity provider."
  ) { keys in
    keys.key(
      "issuer", \.issuer, .text(), "The provider's issuer URL.", example: "\"https://id.acme.example\"",
      isRequired: true)
    keys.key("client", \.client, .text(), "Our client identifier there.", example: "\"portside\"", isRequired: true)
    keys.key(
      "secret", \.secret, .secret, "Our client secret there.", example: "\"credential:oidc.idp\"", isRequired: true)
  }
}
