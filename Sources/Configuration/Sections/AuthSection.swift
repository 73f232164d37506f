/// `[auth]`: who may log in, and what failing to costs.
public struct AuthSection: ConfigurationRecord {
  public var backends: [AuthBackend] = [.local]
  public var totpRequired: [ConfigurationName] = []
  public var penalty = PenaltySection()
  public var sshAuthorities: [PublicKeyLine] = []
  public var sshRevoked: AbsolutePath?
  public var tokens: [ConfigurationName: TokenIssuer] = [:]
  public var ldap: [ConfigurationName: LDAPBackend] = [:]
  public var oidc: [ConfigurationName: OIDCBackend] = [:]

  public init() {}

  public static let schema = Schema(AuthSection(), "Who may log in, and what failing to costs.") { keys in
    keys.key(
      "backends", \.backends, .list(.text(), count: 1...16), "Where accounts come from, asked in this order.",
      details: "`\"local\"`: the store. `\"ldap:NAME\"`: a directory, with a table `[auth.ldap.NAME]`. `\"pam\"`: the "
        + "operating system. `\"oidc:NAME\"`: an identity provider, for the web only, with a table `[auth.oidc.NAME]`.",
      example: "[\"local\", \"ldap:ad\", \"oidc:idp\"]")
    keys.key(
      "totp_required", \.totpRequired, .list(.text()), "The roles that log in with a second factor only.",
      example: "[\"admins\"]")
    keys.key(
      "penalty", \.penalty, .record(), "What a source pays for misbehaving, on all protocols at once.", example: "{}")
    keys.key(
      "ssh_authorities", \.sshAuthorities, .list(.text(), count: 0...64),
      "Authorities whose OpenSSH certificates log their principals in.",
      details: "A principal is an account's name, with or without the domain. Changes need a restart.",
      example: "[\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILvtqCzZCpR0HQXcm/12zyFVJFFGxFY2k4HekUfCejXI authority\"]")
    keys.key(
      "ssh_revoked", \.sshRevoked, Codec<AbsolutePath>.text().optional(),
      "A key revocation list (`ssh-keygen -k`) of keys and certificates that count no more.",
      details: "It is read again when it changes. While it can't be read, no key counts.",
      example: "\"/etc/portside/revoked.krl\"")
    keys.key(
      "tokens", \.tokens, .map(ConfigurationName.self, .record()),
      "Issuers of tokens (OAuth 2.0, OpenID Connect) that log in to mail by OAUTHBEARER and XOAUTH2.",
      details: "Changes need a restart.",
      example: "{ issuer = \"https://id.acme.example\", audience = [\"mail\"], "
        + "keys = \"https://id.acme.example/jwks\" }",
      exampleKey: "idp")
    keys.key(
      "ldap", \.ldap, .map(ConfigurationName.self, .record()), "The directories.",
      example: "{ url = \"ldaps://ad.acme.example\", base = \"dc=acme,dc=example\" }", exampleKey: "ad")
    keys.key(
      "oidc", \.oidc, .map(ConfigurationName.self, .record()), "The identity providers.",
      example: "{ issuer = \"https://id.acme.example\", client = \"portside\", secret = \"credential:oidc\" }",
      exampleKey: "idp")
  }

  public func problems() -> [Problem] {
    var problems: [Problem] = []
    for (index, backend) in backends.enumerated() {
      let (kind, name, known): (String, ConfigurationName, [ConfigurationName])
      switch backend {
      case .local, .pam: continue
      case .ldap(let wanted): (kind, name, known) = ("ldap", wanted, Array(ldap.keys))
      case .oidc(let wanted): (kind, name, known) = ("oidc", wanted, Array(oidc.keys))
      }
      guard !known.contains(name) else { continue }
      let near = NearestName.find(name.description, among: known.map(\.description).sorted())
      problems.append(
        Problem(
          ConfigurationPath("backends").appending(index: index), "\"\(backend)\" needs a table [auth.\(kind).\(name)]",
          hint: near.map { "did you mean \"\(kind):\($0)\"?" }, basis: [ConfigurationPath(kind)]))
    }
    return problems
  }
}
