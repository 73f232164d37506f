/// `[auth.ldap.NAME]`: a directory of accounts.
public struct LDAPBackend: ConfigurationRecord {
  public var url: UpstreamURL<DirectoryKind>
  public var base: PlainText
  public var user: PlainText?
  public var password: SecretReference?

  public static let schema = Schema(
    LDAPBackend(url: .placeholder("ldaps"), base: PlainText("")), "A directory of accounts."
  ) { keys in
    keys.key("url", \.url, .text(), "The directory's server.", example: "\"ldaps://ad.acme.example\"", isRequired: true)
    keys.key(
      "base", \.base, .text(), "Below which entry accounts are.", example: "\"dc=acme,dc=example\"", isRequired: true)
    keys.key(
      "user", \.user, Codec<PlainText>.text().optional(), "The entry that searches; absent: anonymously.",
      example: "\"cn=portside,dc=acme,dc=example\"")
    keys.key(
      "password", \.password, Codec.secret.optional(), "The password of `user`.", example: "\"credential:ldap.ad\"")
  }

  public func problems() -> [Problem] {
    var problems: [Problem] = []
    if (user == nil) != (password == nil) {
      let present = ConfigurationPath(user == nil ? "password" : "user")
      problems.append(
        Problem(
          present, "needs \(user == nil ? "user" : "password") beside it",
          basis: [ConfigurationPath("user"), ConfigurationPath("password")]))
    }
    if url.scheme == "ldap" {
      problems.append(
        Problem(
          ConfigurationPath("url"), "\"ldap://\" sends passwords in plain text", hint: "use \"ldaps://\"",
          severity: .warning))
    }
    return problems
  }
}
