/// `[ssh.sftp]`: the files that SFTP and SCP show.
public struct SFTPSettings: ConfigurationRecord {
  public var root: AbsolutePath?
  public var home: PathTemplate<AccountPlaceholder>?

  public init() {}

  public static let schema = Schema(SFTPSettings(), "The files that SFTP and SCP show.") { keys in
    keys.key(
      "root", \.root, Codec<AbsolutePath>.text().optional(),
      "The folder that accounts with the permission `files` share.",
      example: "\"/srv/files\"")
    keys.key(
      "home", \.home, Codec<PathTemplate<AccountPlaceholder>>.text().optional(),
      "The folder of each account with the permission `files:home`.", example: "\"/srv/home/{account}\"")
  }
}
