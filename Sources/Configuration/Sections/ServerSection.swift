/// `[server]`: the machine, its data and its secrets.
public struct ServerSection: ConfigurationRecord {
  public var hostname = HostName(labels: "localhost")
  public var data = AbsolutePath(constant: "/var/lib/portside")
  public var store = StoreLocation.sqlite
  public var storePassword: SecretReference?
  public var blobs = BlobLocation.store
  public var blobsSecret: SecretReference?
  public var key: SecretReference?
  public var user: ConfigurationName?
  public var stopWithin = Duration.seconds(10)
  public var faults: [FaultRule] = []

  public init() {}

  public static let schema = Schema(ServerSection(), "The machine, its data and its secrets.") { keys in
    keys.key(
      "hostname", \.hostname, .text(), "The name of this server, as others find it in the DNS.",
      details: "Greetings, certificates and generated records use it.", example: "\"srv.acme.example\"")
    keys.key(
      "data", \.data, .text(), "The folder that holds everything the server keeps.", example: "\"/var/lib/portside\"")
    keys.key(
      "store", \.store, .text(), "Where accounts, mailboxes, leases and queues are kept.",
      details: "`\"sqlite\"` is one file under `data`. A `postgres://` URL lets several nodes share them.",
      example: "\"sqlite\"")
    keys.key(
      "store_password", \.storePassword, Codec.secret.optional(), "The password of the PostgreSQL user.",
      example: "\"credential:portside.postgres\"", isAlternative: true)
    keys.key(
      "blobs", \.blobs, .text(), "Where the bodies of messages and files are kept.",
      details: "`\"store\"` is beside the store, `\"file:\"` a folder under `data`, `\"file:/path\"` another folder, "
        + "`\"s3:bucket\"` a bucket.", example: "\"store\"")
    keys.key(
      "blobs_secret", \.blobsSecret, Codec.secret.optional(), "The access key of the bucket: its id, a colon, the key.",
      example: "\"credential:portside.s3\"", isAlternative: true)
    keys.key(
      "key", \.key, Codec.secret.optional(), "The key that encrypts stored secrets.",
      details: "`credential:` names a file of systemd's LoadCredentialEncrypted, `file:` one of mode 0400 or 0600.",
      example: "\"credential:portside.kek\"")
    keys.key(
      "user", \.user, Codec<ConfigurationName>.text().optional(),
      "The user that the workers run as, when started by root.",
      example: "\"portside\"")
    keys.key(
      "stop_within", \.stopWithin, .duration(.zero ... .seconds(600)), "How long open sessions may go on after a stop.",
      example: "\"10s\"")
    keys.key(
      "faults", \.faults, .list(.text()),
      "What happens to a service's connections, for laboratories (`portside try`); has no effect elsewhere.",
      details: "`refuse`, `drop`, `delay:TIME`, `close:BYTES` or `corrupt:BYTES`; see testing-with-portside.md.",
      example: "[\"imap=close:100\"]", isAlternative: true)
  }

  public func problems() -> [Problem] {
    var problems: [Problem] = []
    if storePassword != nil, store == .sqlite {
      problems.append(
        Problem(
          ConfigurationPath("store_password"), "has no effect with store = \"sqlite\"", severity: .warning,
          basis: [ConfigurationPath("store")]))
    }
    if case .bucket = blobs {
      if blobsSecret == nil {
        problems.append(
          Problem(
            ConfigurationPath("blobs"), "a bucket needs server.blobs_secret",
            hint: "such as blobs_secret = \"credential:portside.s3\"", basis: [ConfigurationPath("blobs_secret")]))
      }
    } else if blobsSecret != nil {
      problems.append(
        Problem(
          ConfigurationPath("blobs_secret"), "has no effect without a bucket in blobs", severity: .warning,
          basis: [ConfigurationPath("blobs")]))
    }
    return problems
  }
}
