/// `[auth]`: who may log in, and what failing to costs.
public struct AuthSection: ConfigurationRecord {
  public var backends: [AuthBackend] = [.local]
  public var totpRequired: [ConfigurationName] = []
  public var penalty = PenaltySection()
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
