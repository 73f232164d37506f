/// `[ssh.sftp]`: the files that SFTP and SCP show.
public struct SFTPSettings: ConfigurationRecord {
  public var root: AbsolutePath?
  public var home: PathTemplate<AccountPlaceholder>?
  public var uploads = FTPSection.Uploads.visible

  public init() {}

  public static let schema = Schema(SFTPSettings(), "The files that SFTP and SCP show.") { keys in
    keys.key(
      "root", \.root, Codec<AbsolutePath>.text().optional(),
      "The folder that accounts share: `/shared` for those with the permission `files:shared`, or less of it.",
      details: "`files:shared:read` lets read; `list`, `write`, `make`, `rename` and `delete` are the other words.",
      example: "\"/srv/files\"")
    keys.key(
      "home", \.home, Codec<PathTemplate<AccountPlaceholder>>.text().optional(),
      "The folder of each account with the permission `files:home`, made at its first use; `/` for it.",
      example: "\"/srv/home/{account}\"")
    keys.key(
      "uploads", \.uploads, .choice, "When a file that SFTP makes anew is seen under its name.",
      details:
        "`\"visible\"`: from its first byte, as programs that mount folders need it. `\"whole\"`: once it is closed and on "
        + "the disk; what breaks off leaves nothing.", example: "\"visible\"")
  }
}
