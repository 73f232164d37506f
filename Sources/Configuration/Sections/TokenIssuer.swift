/// `[auth.tokens.NAME]`: an issuer whose tokens log in to mail.
public struct TokenIssuer: ConfigurationRecord {
  public var issuer: PlainText
  public var audience: [PlainText]
  public var keys: TokenKeySource
  public var roots: AbsolutePath?
  public var claim = PlainText("email")

  public static let schema = Schema(
    TokenIssuer(issuer: PlainText(""), audience: [], keys: .file(AbsolutePath(constant: "/"))), "An issuer of tokens."
  ) { keys in
    keys.key(
      "issuer", \.issuer, .text(), "The issuer, exactly as its tokens have it (`iss`).",
      example: "\"https://id.acme.example\"", isRequired: true)
    keys.key(
      "audience", \.audience, .list(.text(), count: 1...16),
      "Whom a token must be meant for (`aud`): one of these is enough.", example: "[\"mail\"]", isRequired: true)
    keys.key(
      "keys", \.keys, .text(), "The issuer's public keys (a JWK set), in a file or at a URL.",
      details:
        "RS256, ES256, ES384 and EdDSA. A file is read again when it changes. A URL is asked again after an hour, and "
        + "when a token names a key that is not known, once a minute at most; while it can't be reached, what it said last "
        + "counts for a day.",
      example: "\"https://id.acme.example/jwks\"", isRequired: true)
    keys.key(
      "roots", \.roots, Codec<AbsolutePath>.text().optional(),
      "A PEM file of the roots that the URL's certificate is judged by, instead of the system's.",
      example: "\"/etc/portside/roots.pem\"")
    keys.key(
      "claim", \.claim, .text(), "The claim that holds an account's name or address.",
      details: "An `email` that the issuer calls unverified counts for nothing.", example: "\"email\"")
  }

  public func problems() -> [Problem] {
    guard roots != nil, case .file = keys else { return [] }
    return [
      Problem(ConfigurationPath("roots"), "is of no use: the keys come from a file", basis: [ConfigurationPath("keys")])
    ]
  }
}
