import WireKit

/// `[tftp]`: files for machines that boot, and backups from devices.
public struct TFTPSection: ServiceSection {
  public var enabled = true
  public var on: [ConfigurationName] = []
  public var port = ListenPort.number(69)
  public var read: AbsolutePath?
  public var write: PathTemplate<DevicePlaceholder>?
  public var writeFrom: [IPNetwork] = []
  public var maxSize = ByteSize(bytes: 64_000_000)
  public var quota = ByteSize(bytes: 256_000_000)
  public var singlePort = false

  public init() {}

  public static let ports = [
    ServicePort<TFTPSection>(service: .tftp, key: "port", place: \.port, transports: [.udp], tls: .none)
  ]

  public static let schema = Schema(TFTPSection(), "Files for machines that boot, and backups from devices.") { keys in
    keys.service("TFTP")
    keys.port("port", "The port.")
    keys.key(
      "read", \.read, Codec<AbsolutePath>.text().optional(), "The folder to read from.", example: "\"/srv/tftp\"")
    keys.key(
      "write", \.write, Codec<PathTemplate<DevicePlaceholder>>.text().optional(), "The folder that a device writes to.",
      details: "A file that is there is never overwritten: every write is kept as a version.",
      example: "\"/srv/backups/{device}\"")
    keys.key(
      "write_from", \.writeFrom, .list(.text()), "Networks that may write without a lease of ours.",
      example: "[\"192.168.10.0/24\"]")
    keys.key(
      "max_size", \.maxSize, .size(ByteSize(bytes: 1000)...ByteSize(bytes: 4_000_000_000)),
      "The largest file to write.",
      example: "\"64MB\"")
    keys.key(
      "quota", \.quota, .size(ByteSize(bytes: 1000)...ByteSize(bytes: 1_000_000_000_000)),
      "How much all versions of one device may take together.", example: "\"256MB\"")
    keys.key(
      "single_port", \.singlePort, .flag, "Whether transfers stay on the port of the service.",
      details: "For clients behind NAT, and servers in a container. RFC 1350 answers from another port.",
      example: "false")
  }

  public func problems() -> [Problem] {
    guard !writeFrom.isEmpty, write == nil else { return [] }
    return [
      Problem(
        ConfigurationPath("write_from"), "has no effect without write", severity: .warning,
        basis: [ConfigurationPath("write")])
    ]
  }
}
