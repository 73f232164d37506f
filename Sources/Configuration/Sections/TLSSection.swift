/// `[tls]`: where certificates come from.
public struct TLSSection: ConfigurationRecord {
  public enum Issuer: String, ConfigurationChoice {
    case acme
    case internalCA = "internal-ca"
    case files
  }

  public enum Solver: String, ConfigurationChoice {
    case ownDNS = "own-dns"
    case ownHTTP = "own-http"
    case ownTLS = "own-tls"
  }

  public enum Version: String, ConfigurationChoice {
    case v1_2 = "1.2"
    case v1_3 = "1.3"
  }

  /// A chain and its key, in files.
  public struct Files: ConfigurationRecord {
    public var chain: AbsolutePath
    public var key: SecretReference

    public init(chain: AbsolutePath, key: SecretReference) {
      self.chain = chain
      self.key = key
    }

    public static let schema = Schema(
      Files(chain: AbsolutePath(constant: "/"), key: .environment("")), "A certificate chain and its key."
    ) { keys in
      keys.key(
        "chain", \.chain, .text(), "The chain in PEM, leaf first.", example: "\"/etc/portside/srv.pem\"",
        isRequired: true)
      keys.key(
        "key", \.key, .secret, "The private key in PEM.", example: "\"file:/etc/portside/srv.key\"", isRequired: true)
    }
  }

  public var issuer = Issuer.internalCA
  public var email: MailAddress?
  public var solver = Solver.ownHTTP
  public var directory: UpstreamURL<WebKind>?
  public var fallback: [UpstreamURL<WebKind>] = []
  public var bindingID: PlainText?
  public var bindingKey: SecretReference?
  public var roots: AbsolutePath?
  public var acmeServer: ACMEServerSection?
  public var perServiceNames = false
  public var certificates: [Files] = []
  public var minimumVersion = Version.v1_2
  public var renewBefore = Duration.seconds(30 * 86400)

  public init() {}

  public static let schema = Schema(TLSSection(), "Certificates, and what TLS must at least be.") { keys in
    keys.key(
      "issuer", \.issuer, .choice, "Who issues the certificates.",
      details: "`\"acme\"` asks a public authority, `\"internal-ca\"` a private one of this server, `\"files\"` takes "
        + "what `certificates` names.", example: "\"acme\"")
    keys.key(
      "email", \.email, Codec<MailAddress>.text().optional(), "Whom the authority may write to.",
      example: "\"it@acme.example\"")
    keys.key(
      "solver", \.solver, .choice, "How control over a name is proved to an ACME authority.",
      details:
        "`\"own-dns\"`: dns-01, answered by our own zone; the only way to wildcards. `\"own-http\"`: http-01, answered by "
        + "our own web server. `\"own-tls\"`: tls-alpn-01, answered by it in the handshake.",
      example: "\"own-dns\"")
    keys.key(
      "directory", \.directory, Codec<UpstreamURL<WebKind>>.text().optional(), "The ACME directory.",
      details: "Absent: Let's Encrypt.", example: "\"https://acme-v02.api.letsencrypt.org/directory\"")
    keys.key(
      "fallback", \.fallback, .list(.text(), count: 0...8),
      "Further ACME directories, tried in turn while the one before them fails.",
      example: "[\"https://acme.zerossl.com/v2/DV90\"]")
    keys.key(
      "binding_id", \.bindingID, Codec<PlainText>.text().optional(),
      "The identifier of the account that the authority knows (external account binding).", example: "\"kid-1\"")
    keys.key(
      "binding_key", \.bindingKey, Codec<SecretReference>.secret.optional(), "The key that goes with it, in base64url.",
      example: "\"credential:acme-binding\"")
    keys.key(
      "roots", \.roots, Codec<AbsolutePath>.text().optional(),
      "A PEM file of further roots that the ACME server and what it issues are judged by.",
      example: "\"/etc/portside/roots.pem\"")
    keys.key(
      "acme_server", \.acmeServer, Codec<ACMEServerSection>.record().optional(),
      "The private authority as an ACME server, for other machines; a site or path shows it by `@acme`.",
      example: "{ from = [\"192.168.10.0/24\"], domains = [\"lan.acme.example\"] }")
    keys.key(
      "per_service_names", \.perServiceNames, .flag, "Whether each service has a name and a certificate of its own.",
      details:
        "`mail.`, `ftp.`, `admin.`: no name is shared between protocols, so a certificate of one opens no other.",
      example: "true")
    keys.key(
      "certificates", \.certificates, .list(.record(), count: 0...256), "The files, for `issuer = \"files\"`.",
      example: "[{ chain = \"/etc/portside/srv.pem\", key = \"file:/etc/portside/srv.key\" }]", isAlternative: true)
    keys.key(
      "minimum_version", \.minimumVersion, .choice, "The oldest version of TLS that is spoken.", example: "\"1.2\"")
    keys.key(
      "renew_before", \.renewBefore, .duration(.seconds(3600) ... .seconds(90 * 86400)),
      "How long before its end a certificate is renewed.",
      details: "Never later than after two thirds of its lifetime.", example: "\"30d\"")
  }

  public func problems() -> [Problem] {
    let place = ConfigurationPath("certificates")
    let basis = [ConfigurationPath("issuer"), place]
    if (bindingID == nil) != (bindingKey == nil) {
      return [
        Problem(
          ConfigurationPath(bindingID == nil ? "binding_key" : "binding_id"),
          "binding_id and binding_key go together", basis: basis)
      ]
    }
    if issuer == .files, certificates.isEmpty {
      return [
        Problem(
          ConfigurationPath("issuer"), "\"files\" needs tls.certificates",
          hint: "such as certificates = [{ chain = \"/etc/portside/srv.pem\", key = \"file:/etc/portside/srv.key\" }]",
          basis: basis)
      ]
    }
    if issuer != .files, !certificates.isEmpty {
      return [Problem(place, "has an effect only with issuer = \"files\"", severity: .warning, basis: basis)]
    }
    return []
  }
}
