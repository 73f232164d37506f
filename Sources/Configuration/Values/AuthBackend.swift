/// Where accounts come from: `local`, `pam`, `ldap:NAME` with a table `[auth.ldap.NAME]`, `oidc:NAME`.
public enum AuthBackend: Hashable, Sendable {
  case local
  case pam
  case ldap(ConfigurationName)
  case oidc(ConfigurationName)
}

extension AuthBackend: ConfigurationText {
  public static var typeName: String { "backend" }
  public static var form: String { "\"local\", \"pam\", \"ldap:NAME\" or \"oidc:NAME\"" }

  public init(configuration text: String) throws(TextError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.count == 2 ? ConfigurationName(String(parts[1])) : nil
    switch (parts.first, parts.count, name) {
    case ("local", 1, _): self = .local
    case ("pam", 1, _): self = .pam
    case ("ldap", 2, .some(let name)): self = .ldap(name)
    case ("oidc", 2, .some(let name)): self = .oidc(name)
    default: throw Self.mismatch(text, hint: NearestName.hint(text, among: ["local", "pam"]))
    }
  }

  public var description: String {
    switch self {
    case .local: "local"
    case .pam: "pam"
    case .ldap(let name): "ldap:\(name)"
    case .oidc(let name): "oidc:\(name)"
    }
  }
}
