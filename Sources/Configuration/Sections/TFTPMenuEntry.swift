import WireKit

/// `[tftp.menu.NAME]`: what a machine can be told to boot.
public struct TFTPMenuEntry: ConfigurationRecord {
  public var title: PlainText
  public var kernel: PlainText?
  public var initrd: [PlainText] = []
  public var arguments: PlainText?
  public var chain: PlainText?

  public static let schema = Schema(
    TFTPMenuEntry(title: PlainText("Debian")), "What a machine can be told to boot: a kernel, or another loader."
  ) { keys in
    keys.key("title", \.title, .text(), "What the menu says.", example: "\"Install Debian 12\"", isRequired: true)
    keys.key(
      "kernel", \.kernel, Codec<PlainText>.text().optional(), "The kernel: a file below `read`, or, for iPXE, a URL.",
      example: "\"debian/linux\"")
    keys.key(
      "initrd", \.initrd, .list(.text(), count: 0...16), "Its first file systems.", example: "[\"debian/initrd.gz\"]")
    keys.key(
      "arguments", \.arguments, Codec<PlainText>.text().optional(), "What the kernel is told.",
      details: "`{server}`, `{address}`, `{mac}` and `{device}` stand for those of the machine.",
      example: "\"console=ttyS0 hostname={device}\"")
    keys.key(
      "chain", \.chain, Codec<PlainText>.text().optional(), "Instead of `kernel`: another loader.",
      example: "\"memtest.efi\"", isAlternative: true)
  }

  public func problems() -> [Problem] {
    if (kernel == nil) == (chain == nil) {
      return [Problem(.root, "an entry of the menu has one of kernel and chain", hint: "such as kernel = \"linux\"")]
    }
    guard chain != nil, !initrd.isEmpty || arguments != nil else { return [] }
    return [Problem(ConfigurationPath("chain"), "another loader takes neither initrd nor arguments")]
  }
}
