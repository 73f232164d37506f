extension HTTPSite {
  /// The keys of what happens to requests and replies, whatever the site's content is.
  static func declareRules(_ keys: inout Schema<HTTPSite>) {
    keys.key(
      "try_files", \.tryFiles, .list(.text(), count: 0...16),
      "What is looked for where there is no file at the path, the first that exists.",
      details: "`{path}` is what was asked for, without its first slash.",
      example: "[\"{path}.html\", \"/index.html\"]")
    keys.key(
      "redirects", \.redirects, .map(SitePathPattern.self, .text()), "Where visitors of a path are sent.",
      details: "By 301, or 308 where the method is to stay. The longest path counts first.",
      example: "{ \"/old\" = \"/new\", \"/docs/*\" = \"https://docs.acme.example/*\" }")
    keys.key(
      "rewrite", \.rewrite, .map(SitePathPattern.self, .text()), "What is looked up in the place of a path.",
      details: "Visitors see nothing of it. After the redirects and the log-in.", example: "{ \"/app/*\" = \"/v2/*\" }")
    keys.key(
      "headers", \.headers, .map(HeaderFieldName.self, .text()), "Fields of every reply; an empty value takes one out.",
      example: "{ \"X-Frame-Options\" = \"DENY\", \"Server\" = \"\" }")
    keys.key(
      "error_pages", \.errorPages, .map(ErrorStatus.self, .text()),
      "Files in the place of this server's own pages for errors.",
      details: "What an upstream says of an error is passed on as it is.",
      example: "{ \"404\" = \"/srv/www/404.html\" }")
    keys.key(
      "allow", \.allow, .list(.text()), "Networks that may ask at all; empty: everybody.",
      example: "[\"192.168.10.0/24\"]")
    keys.key(
      "login", \.logIn,
      Codec<HTTPLogIn>.either(Permission.self, expanded: { HTTPLogIn($0) }, shortened: \.shortForm).optional(),
      "Who must log in; a string is the permission that the account's roles must grant.",
      details: "By the name and password of an account, over TLS; over plain text only where `http.plaintext` says so. "
        + "Upstreams are told the account's name in `Remote-User`.",
      example: "\"web:intranet\"")
    keys.key(
      "rate_limit", \.rateLimit, Codec<RequestRate>.text().optional(),
      "How often one source may ask; beyond, it gets 429.",
      example: "\"20/s\"")
    keys.key(
      "rate_burst", \.rateBurst, Codec<Int>.integer(1...100_000).optional(),
      "How many requests of one source may come at once; absent: as many as `rate_limit` names.", example: "100")
    keys.key(
      "body_size", \.bodySize, Codec<ByteSize>.size(ByteSize(bytes: 0)...ByteSize(bytes: 1 << 40)).optional(),
      "The body of one request, below `http.limits.body_size`.", example: "\"10MB\"")
    keys.key(
      "strict_transport", \.strictTransport,
      Codec<Duration>.duration(.seconds(0) ... .seconds(3 * 365 * 86400)).optional(),
      "For how long browsers are told to come over TLS only; absent: they are not told.", example: "\"365d\"")
  }
}
