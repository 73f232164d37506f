import WireKit

/// `[smtp.relay]`: how mail leaves.
public struct SMTPRelay: ConfigurationRecord {
  public var via = RelayRoute.direct
  public var allow: [IPNetwork] = []
  public var user: PlainText?
  public var password: SecretReference?

  public init() {}

  public static let schema = Schema(SMTPRelay(), "How mail leaves, and who may send without log-in.") { keys in
    keys.key(
      "via", \.via, .text(), "The way out.",
      details: "`\"direct\"`: to each domain's own servers. Otherwise all mail goes to the server of a URL.",
      example: "\"direct\"")
    keys.key(
      "allow", \.allow, .list(.text()), "Addresses and networks that may send to anyone without log-in.",
      example: "[\"192.168.10.20\"]")
    keys.key(
      "user", \.user, Codec<PlainText>.text().optional(), "Our account at the server of `via`.", example: "\"acme\"",
      isAlternative: true)
    keys.key(
      "password", \.password, Codec.secret.optional(), "Its password.", example: "\"credential:relay\"",
      isAlternative: true)
  }

  public func problems() -> [Problem] {
    var problems: [Problem] = []
    for (index, network) in allow.enumerated() where network.prefixLength == 0 {
      problems.append(
        Problem(
          ConfigurationPath("allow").appending(index: index), "\(network) makes this an open relay",
          hint: "name the machines that are meant"))
    }
    if (user == nil) != (password == nil) {
      problems.append(
        Problem(
          ConfigurationPath(user == nil ? "password" : "user"), "needs \(user == nil ? "user" : "password") beside it",
          basis: [ConfigurationPath("user"), ConfigurationPath("password")]))
    } else if user != nil, via == .direct {
      problems.append(
        Problem(
          ConfigurationPath("user"), "has no effect with via = \"direct\"", severity: .warning,
          basis: [ConfigurationPath("via")]))
    }
    return problems
  }
}
