import Foundation
import NamesKit
import Testing

/// The boot menu, templates, maps and folders of clients, read by real TFTP clients.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ServedMenuTests {
  private static func sections(_ scratch: Scratch) -> String {
    """
    maps         = [{ from = "SEP*.cnf.xml", to = "phones/{1}.xml" }]
    templates    = "\(scratch.path)/templates"
    menu_timeout = "7s"

    [tftp.menu.debian]
    title     = "Install \\"Debian\\""
    kernel    = "debian/linux"
    initrd    = ["debian/initrd.gz"]
    arguments = "console=ttyS0 host={device} mac={mac}"

    [tftp.menu.tools]
    title = "Tools"
    chain = "tools.efi"

    [tftp.client.switches]
    devices = ["sw1"]
    read    = "\(scratch.path)/switches"
    menu    = "tools"

    [dhcp]
    on    = ["lan"]
    probe = false

    [dhcp.subnet."10.9.0.0/24"]
    pool = "10.9.0.100-10.9.0.103"

    [dhcp.reserve]
    sw1 = { mac = "02:00:00:00:00:51", ip = "10.9.0.51" }
    """
  }

  @Test func eachMachineIsToldItsOwn() throws {
    let (pair, scratch) = (try NamespacePair(), try Scratch())
    _ = try scratch.put(Data("own {mac} {address} ${net0/ip} ${mac}\n".utf8), "templates/hosts/motd")
    _ = try scratch.put(Data("# ours\n{menu}".utf8), "templates/grub.cfg")
    _ = try scratch.put(Data("of the switches\n".utf8), "switches/image")
    _ = try scratch.put(Data("of all\n".utf8), "tftp/image")
    _ = try scratch.put(Data("<phone/>\n".utf8), "tftp/phones/0011.xml")
    let server = try PortsideServer(Self.sections(scratch), in: scratch, namespace: pair.server)
    let read = { (name: String) throws -> String in
      try pair.onClient(["curl", "-sS", "tftp://10.9.0.1/\(name)"], seconds: 20).output
    }
    let taken = try pair.onClient(
      [
        "busybox", "udhcpc", "-i", "lan0", "-f", "-q", "-n", "-x", "hostname:Ann_PC", "-s",
        try DHCPClientsTests.script(scratch),
      ], seconds: 30)
    #expect(taken.output.contains("lease of 10.9.0.100 obtained"), "\(taken.output)")
    let mac = try pair.onClient(["cat", "/sys/class/net/lan0/address"]).output.trimmingCharacters(
      in: .whitespacesAndNewlines)
    let ipxe = try read("menu.ipxe")
    #expect(ipxe.hasPrefix("#!ipxe\nmenu What shall ann-pc boot?\nitem debian Install  Debian \n"), "\(ipxe)")
    #expect(ipxe.contains("choose --timeout 7000"), "\(ipxe)")
    #expect(
      ipxe.contains("kernel tftp://10.9.0.1/debian/linux initrd=initrd.gz console=ttyS0 host=ann-pc mac=\(mac)"),
      "\(ipxe)")
    // By hardware address, by address, and the last resort: one menu.
    let syslinux = try read("pxelinux.cfg/01-\(mac.replacing(":", with: "-"))")
    #expect(syslinux.contains("kernel ::debian/linux\n  initrd ::debian/initrd.gz\n"), "\(syslinux)")
    #expect(try read("pxelinux.cfg/0A090064") == syslinux)
    #expect(try read("/pxelinux.cfg/default") == syslinux)
    let grub = try read("debian-installer/amd64/grub/grub.cfg")
    #expect(grub.hasPrefix("# ours\nset timeout=7\nset default=debian\n"), "\(grub)")
    #expect(grub.contains("linux /debian/linux console=ttyS0 host=ann-pc"), "\(grub)")
    #expect(try read("hosts/motd") == "own \(mac) 10.9.0.100 ${net0/ip} ${mac}\n")
    #expect(try read("SEP0011.cnf.xml") == "<phone/>\n")
    #expect(try read("image") == "of all\n")
    #expect(try !read("templates/hosts/motd").contains("own"))
    // A member of a group: its own folder, and its own choice.
    try pair.onClient(["ip", "address", "flush", "dev", "lan0"])
    try pair.onClient(["ip", "address", "add", "10.9.0.51/24", "dev", "lan0"])
    #expect(try read("image") == "of the switches\n")
    #expect(try read("menu.ipxe").hasPrefix("#!ipxe\ngoto tools\n"))
    #expect(try read("pxelinux.cfg/default").hasPrefix("default tools\nprompt 0\n"))
    server.stop()
  }
}
