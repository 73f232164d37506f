/// `login` of a site: who must log in, and where.
public struct HTTPLogIn: ConfigurationRecord {
  public var realm = PlainText("Portside")
  public var permission: Permission?
  public var paths: [SitePathPattern] = []

  public init() {}

  public init(_ permission: Permission) { self.permission = permission }

  /// The permission alone, where that is all.
  var shortForm: Permission? { permission.flatMap { HTTPLogIn($0) == self ? $0 : nil } }

  public static let schema = Schema(HTTPLogIn(), "Who must log in, and where.") { keys in
    keys.key("realm", \.realm, .text(), "What browsers show.", example: "\"Intranet\"")
    keys.key(
      "permission", \.permission, Codec<Permission>.text().optional(),
      "What the account's roles must permit; absent: any account will do.", example: "\"web:intranet\"")
    keys.key(
      "paths", \.paths, .list(.text(), count: 0...64), "What wants a log-in; empty: everything.",
      example: "[\"/private/*\"]")
  }
}
