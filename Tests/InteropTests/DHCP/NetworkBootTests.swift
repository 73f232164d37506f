import Foundation
import NamesKit
import Testing

/// Machines without a disk, from the first packet to a script of iPXE, with the program in the place of everything that they
/// need. The slow ones run by `make test-boot` (PORTSIDE_BOOT=all).
@Suite(.serialized, .timeLimit(.minutes(15))) struct NetworkBootTests {
  static let isThorough = ProcessInfo.processInfo.environment["PORTSIDE_BOOT"] == "all"

  /// The DHCP section of a server that gives addresses; `proxy` for one beside another server.
  static func sections(proxy: Bool = false, http: String? = nil) -> String {
    """
    [dhcp]
    on         = ["lan"]
    probe      = false
    proxy      = \(proxy)
    proxy_port = \(proxy ? "4011" : "\"off\"")

    [dhcp.subnet."10.9.0.0/24"]
    \(proxy ? "" : "pool  = \"10.9.0.100-10.9.0.120\"")
    router = "10.9.0.1"
    boot   = { bios = "undionly.kpxe", efi64 = "ipxe.efi", script = "boot.ipxe"\(http.map { ", http = \"\($0)\"" } ?? "") }
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
}
