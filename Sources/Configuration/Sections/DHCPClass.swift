import WireKit

/// `[dhcp.class.NAME]`: clients that have something in common, and what they get.
public struct DHCPClass: ConfigurationRecord {
  public var test: PlainText
  public var pool: AddressRange?
  public var lease: Duration?
  public var options: [ConfigurationName: [PlainText]] = [:]
  public var boot = DHCPBoot()

  public static let schema = Schema(
    DHCPClass(test: PlainText("mac == 00:11:22:33:44:55")), "Clients that have something in common, and what they get."
  ) { keys in
    keys.key(
      "test", \.test, .text(), "What makes a client a member: an expression over the options of its message.",
      details: """
        `option[93] == 0x0007`, `substring(option[vendor-class-identifier], 0, 9) == 'PXEClient'`, `option[175].exists`, \
        `relay[1] == 'port 7'`, `mac == 00:11:22:33:44:55`, `member('phones')`, with `and`, `or`, `not` and parentheses.
        """, example: "\"substring(option[60], 0, 5) == 'Cisco'\"", isRequired: true)
    keys.key(
      "pool", \.pool, Codec<AddressRange>.text().optional(), "Addresses that only members get.",
      example: "\"192.168.10.50-192.168.10.69\"")
    keys.key(
      "lease", \.lease, Codec<Duration>.duration(.seconds(60) ... .seconds(365 * 86400)).optional(),
      "How long a member gets its address; absent: as its subnet says.", example: "\"1h\"")
    keys.key(
      "options", \.options, .map(ConfigurationName.self, .list(.text(), unique: false)),
      "Further options, as in `dhcp.options`.", example: "[\"192.168.10.9\"]", exampleKey: "tftp-server-address")
    keys.key("boot", \.boot, .record(), "What members boot.", example: "{}")
  }
}
