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
  public var maps: [TFTPMap] = []
  public var templates: AbsolutePath?
  public var menu: [ConfigurationName: TFTPMenuEntry] = [:]
  public var menuTimeout = Duration.seconds(10)
  public var clients: [ConfigurationName: TFTPClientGroup] = [:]

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
    keys.key(
      "maps", \.maps, .list(.record(), count: 0...256),
      "Other names for files that clients ask for; the first that fits counts.",
      example: "[{ from = \"SEP*.cnf.xml\", to = \"phones/{1}.xml\" }]")
    keys.key(
      "menu", \.menu, .map(ConfigurationName.self, .record()),
      "A boot menu. It is served as `menu.ipxe`, as whatever pxelinux asks for in `pxelinux.cfg`, and as GRUB's `grub.cfg`.",
      details:
        "The first entry, by name, is taken when nobody chooses. iPXE is told of it where `boot` names no script.",
      example: "{ title = \"Install Debian 12\", kernel = \"debian/linux\", initrd = [\"debian/initrd.gz\"] }",
      exampleKey: "debian")
    keys.key(
      "menu_timeout", \.menuTimeout, .duration(.seconds(1) ... .seconds(3600)), "How long the menu waits.",
      example: "\"10s\"")
    keys.key(
      "templates", \.templates, Codec<AbsolutePath>.text().optional(),
      "A folder of files that are filled in for the machine that asks.",
      details: """
        `{address}`, `{mac}`, `{device}` and `{server}` stand for those of the machine. In `menu.ipxe`, `pxelinux.cfg` and `grub.cfg`, \
        which take the place of the menu's own, `{menu}` stands for that. What stands behind a `$` is the loader's.
        """, example: "\"/srv/tftp-templates\"")
    keys.key(
      "client", \.clients, .map(ConfigurationName.self, .record()),
      "Clients with a folder, or a choice of the menu, of their own; the first group, by name, counts.",
      example: "{ mac = [\"00:11:22\"], read = \"/srv/tftp-phones\" }", exampleKey: "phones")
  }

  public func problems() -> [Problem] {
    var problems: [Problem] = []
    if !writeFrom.isEmpty, write == nil {
      problems.append(
        Problem(
          ConfigurationPath("write_from"), "has no effect without write", severity: .warning,
          basis: [ConfigurationPath("write")]))
    }
    for (name, group) in clients.sorted(by: { $0.key < $1.key }) {
      guard let choice = group.menu, menu[choice] == nil else { continue }
      problems.append(
        Problem(
          ConfigurationPath("client", name.description).appending("menu"),
          "there is no entry \"\(choice)\" in tftp.menu",
          hint: NearestName.hint(choice.description, among: menu.keys.map(\.description)),
          basis: [ConfigurationPath("menu")]))
    }
    return problems
  }
}
