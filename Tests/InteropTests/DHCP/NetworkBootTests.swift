import Foundation
import NamesKit
import Testing

/// Machines without a disk, from the first packet to a script of iPXE, with the program in the place of everything that they
/// need. The slow ones run by `make test-boot` (NETWORK_BOOT=all).
@Suite(.serialized, .timeLimit(.minutes(15))) struct NetworkBootTests {
  static let isThorough = ProcessInfo.processInfo.environment["NETWORK_BOOT"] == "all"

  /// The DHCP section of a server that gives addresses; `proxy` for one beside another server.
  static func sections(proxy: Bool = false) -> String {
    """
    [dhcp]
    on         = ["lan"]
    probe      = false
    proxy      = \(proxy)
    proxy_port = \(proxy ? "4011" : "\"off\"")

    [dhcp.subnet."10.9.0.0/24"]
    \(proxy ? "" : "pool  = \"10.9.0.100-10.9.0.120\"")
    router = "10.9.0.1"
    boot   = { bios = "undionly.kpxe", efi64 = "ipxe.efi", script = "boot.ipxe" }
    """
  }

  /// The loaders that Debian's package `ipxe` has, and a script that says so on the serial line.
  static func fill(_ scratch: Scratch) throws {
    for name in ["undionly.kpxe", "ipxe.efi"] {
      let content = try Data(contentsOf: URL(fileURLWithPath: "/usr/lib/ipxe/\(name)"))
      _ = try scratch.put(content, "tftp/\(name)")
    }
  }

  static func writeScript(_ scratch: Scratch) throws {
    _ = try scratch.put(Data("#!ipxe\necho PORTSIDE-BOOTED ${net0/ip}\nsleep 5\n".utf8), "tftp/boot.ipxe")
  }

  @Test func aPCBootsWithoutALoop() throws {
    let (bench, scratch) = (try BootBench(), try Scratch())
    try Self.fill(scratch)
    let server = try PortsideServer(Self.sections(), in: scratch, namespace: bench.namespace)
    try Self.writeScript(scratch)
    let said = try bench.boot(.bios, until: ["PORTSIDE-BOOTED"], in: scratch, seconds: 90)
    #expect(said.contains("PORTSIDE-BOOTED 10.9.0.100"), "\(said.suffix(1_500))")
    sleep(2)
    let steps = try server.portside("boot", "show", "10.9.0.100")
    #expect(steps.output.contains("bound, told to load boot.ipxe"), "\(steps.output)")
    #expect(steps.output.contains("file sent: boot.ipxe"), "\(steps.output)")
    server.stop()
  }

  /// UEFI's own PXE loads iPXE, which loads the script: two rounds of DHCP with two answers.
  @Test func uefiBootsByWayOfIPXE() throws {
    let (bench, scratch) = (try BootBench(), try Scratch())
    try Self.fill(scratch)
    let server = try PortsideServer(Self.sections(), in: scratch, namespace: bench.namespace)
    try Self.writeScript(scratch)
    let said = try bench.boot(.uefi, until: ["PORTSIDE-BOOTED"], in: scratch, seconds: 150)
    #expect(said.contains("PORTSIDE-BOOTED 10.9.0.1"), "\(said.suffix(1_500))\n\(server.logText.suffix(2_000))")
    sleep(2)
    let steps = try server.portside("boot", "list").output
    #expect(steps.contains("boot.ipxe"), "\(steps)")
    server.stop()
  }

  /// Another DHCP server gives the addresses; ours says on 67 and 4011 what to boot.
  @Test(arguments: isThorough ? [BootBench.Firmware.bios, .uefi] : [.bios])
  func besideAnotherServer(_ firmware: BootBench.Firmware) throws {
    let (bench, scratch) = (try BootBench(), try Scratch())
    try Self.fill(scratch)
    let stranger = try NamesServer(
      [
        "dhcp", "--listen", "0.0.0.0:67", "--subnet", "10.9.0.0/24", "--pool", "10.9.0.200-10.9.0.220", "--store",
        "\(scratch.path)/stranger",
      ], namespace: bench.other)
    let server = try PortsideServer(Self.sections(proxy: true), in: scratch, namespace: bench.namespace)
    try Self.writeScript(scratch)
    let said = try bench.boot(firmware, until: ["PORTSIDE-BOOTED", "No bootable device"], in: scratch, seconds: 150)
    #expect(said.contains("PORTSIDE-BOOTED 10.9.0.2"), "\(said.suffix(1_500))\n\(server.logText.suffix(2_000))")
    stranger.stop()
    server.stop()
  }

  /// Firmware that loads by HTTP, from the web worker: DHCP tells it the URL. It tries PXE first, which takes minutes.
  @Test(.enabled(if: isThorough)) func uefiBootsByHTTP() throws {
    let (bench, scratch) = (try BootBench(), try Scratch())
    try Self.fill(scratch)
    let sections = """
      [dhcp]
      on    = ["lan"]
      probe = false

      [dhcp.subnet."10.9.0.0/24"]
      pool   = "10.9.0.100-10.9.0.120"
      router = "10.9.0.1"
      boot   = { http = "http://10.9.0.1/ipxe.efi", script = "http://10.9.0.1/boot.ipxe" }

      [http]
      on                = ["lan"]
      tls_port          = "off"
      default_site      = "boot.lab.test"
      redirect_to_https = false
      sites             = { "boot.lab.test" = "\(scratch.path)/tftp" }
      """
    let server = try PortsideServer(sections, in: scratch, namespace: bench.namespace)
    try Self.writeScript(scratch)
    let said = try bench.boot(.uefi, until: ["PORTSIDE-BOOTED"], in: scratch, seconds: 420)
    #expect(said.contains("PORTSIDE-BOOTED 10.9.0.1"), "\(said.suffix(1_500))\n\(server.logText.suffix(2_000))")
    sleep(3)
    // The web worker's steps stand among those of DHCP.
    let address = said.components(separatedBy: "PORTSIDE-BOOTED ").last?.prefix { $0.isNumber || $0 == "." } ?? ""
    let steps = try server.portside("boot", "show", String(address)).output
    #expect(steps.contains("by HTTP: GET /ipxe.efi → 200 (UefiHttpBoot"), "\(steps)")
    #expect(steps.contains("by HTTP: GET /boot.ipxe → 200 (iPXE"), "\(steps)")
    server.stop()
  }

  /// Debian's installer, chosen by our menu: its kernel starts and finds its first file system. By iPXE's own loader, by pxelinux, and,
  /// from UEFI, by GRUB, each of which asks for the menu in its own language.
  @Test(.enabled(if: isThorough), arguments: ["menu.ipxe", "pxelinux.0", "grub"])
  func aKernelStartsWithItsFirstFileSystem(_ loader: String) throws {
    let (bench, scratch) = (try BootBench(), try Scratch())
    let debian = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"
    for (from, to) in [
      ("linux", "debian/linux"), ("initrd.gz", "debian/initrd.gz"), ("pxelinux.0", "pxelinux.0"),
      ("boot-screens/ldlinux.c32", "ldlinux.c32"), ("bootnetx64.efi", "bootnetx64.efi"), ("grubx64.efi", "grubx64.efi"),
    ] {
      _ = try scratch.put(try Data(contentsOf: URL(fileURLWithPath: "\(debian)/\(from)")), "tftp/\(to)")
    }
    let boot = loader == "grub" ? "{ efi64 = \"bootnetx64.efi\" }" : "{ bios = \"pxelinux.0\", script = \"\(loader)\" }"
    let sections = """
      menu_timeout = "2s"

      [tftp.menu.debian]
      title     = "Install Debian 12"
      kernel    = "debian/linux"
      initrd    = ["debian/initrd.gz"]
      arguments = "console=ttyS0 panic=10 DEBIAN_FRONTEND=text"

      [dhcp]
      on    = ["lan"]
      probe = false

      [dhcp.subnet."10.9.0.0/24"]
      pool   = "10.9.0.100-10.9.0.120"
      router = "10.9.0.1"
      boot   = \(boot)
      """
    let server = try PortsideServer(sections, in: scratch, namespace: bench.namespace)
    let mark = "Run /init as init process"
    let said = try bench.boot(
      loader == "grub" ? .uefi : .bios, until: [mark, "Kernel panic"], in: scratch, seconds: 800)
    #expect(said.contains("Linux version"), "\(said.suffix(1_500))\n\(server.logText.suffix(2_000))")
    #expect(said.contains(mark), "\(said.suffix(1_500))")
    #expect(try server.portside("boot", "list").output.contains("debian/initrd.gz"))
    server.stop()
  }

  /// No IPv4 anywhere: router advertisements, DHCPv6 with its boot file (option 59), and TFTP over IPv6.
  @Test(.enabled(if: isThorough)) func uefiBootsOverIPv6() throws {
    let (bench, scratch) = (try BootBench(), try Scratch())
    try Self.fill(scratch)
    try Command.run(["ip", "-n", bench.namespace, "address", "add", "fd00:9::1/64", "dev", "br0", "nodad"])
    let sections = """
      [dhcp]
      on      = ["lan"]
      probe   = false
      v6_port = 547

      [dhcp.subnet."fd00:9::/64"]
      pool      = "fd00:9::1000-fd00:9::1fff"
      dns       = ["fd00:9::1"]
      advertise = "managed"
      boot      = { efi64 = "ipxe.efi", script = "boot.ipxe" }
      """
    let server = try PortsideServer(
      sections, in: scratch, namespace: bench.namespace, lan: ["10.9.0.1", "fd00:9::1"])
    _ = try scratch.put(Data("#!ipxe\necho PORTSIDE-BOOTED ${net0.dhcpv6/ip6}\nsleep 5\n".utf8), "tftp/boot.ipxe")
    let said = try bench.boot(.uefi, until: ["PORTSIDE-BOOTED"], in: scratch, seconds: 420)
    #expect(said.contains("PORTSIDE-BOOTED"), "\(said.suffix(2_500))\n\(server.logText.suffix(2_000))")
    #expect(
      server.logText.contains("\"file sent\"") && server.logText.contains("[fd00:9::1"),
      "\(server.logText.suffix(2_000))")
    server.stop()
  }
}
