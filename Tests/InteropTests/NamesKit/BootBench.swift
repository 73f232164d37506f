import Foundation

/// A bridge with the server's address 10.9.0.1, a tap for a machine of qemu, and a cable to another namespace.
public final class BootBench {
  public let namespace: String
  /// Where another DHCP server may be.
  public let other: String

  public init() throws {
    let tag = String(UUID().uuidString.prefix(6)).lowercased()
    namespace = "dhcp-\(tag)-b"
    other = "dhcp-\(tag)-o"
    for words in [
      ["netns", "add", namespace], ["netns", "add", other],
      ["-n", namespace, "link", "add", "br0", "type", "bridge"],
      ["-n", namespace, "address", "add", "10.9.0.1/24", "dev", "br0"],
      ["-n", namespace, "link", "set", "br0", "up"], ["-n", namespace, "link", "set", "lo", "up"],
      ["-n", namespace, "tuntap", "add", "tap0", "mode", "tap"],
      ["-n", namespace, "link", "set", "tap0", "master", "br0"], ["-n", namespace, "link", "set", "tap0", "up"],
      ["link", "add", "v0", "netns", namespace, "type", "veth", "peer", "name", "lan0", "netns", other],
      ["-n", namespace, "link", "set", "v0", "master", "br0"], ["-n", namespace, "link", "set", "v0", "up"],
      ["-n", other, "link", "set", "lo", "up"], ["-n", other, "address", "add", "10.9.0.2/24", "dev", "lan0"],
      ["-n", other, "link", "set", "lan0", "up"],
    ] {
      let result = try Command.run(["ip"] + words, seconds: 10)
      guard result.status == 0 else { throw PeerFailure("ip \(words.joined(separator: " ")): \(result.output)") }
    }
  }

  deinit {
    for name in [namespace, other] { Namespaces.remove(name) }
  }

  /// A machine's firmware.
  public enum Firmware: Sendable {
    /// PC BIOS with iPXE in the card's own memory.
    case bios
    /// UEFI of EDK2, without anything in the card.
    case uefi
  }

  /// Switches a machine on, and waits until its serial line says one of these words, or the time is over.
  /// - Returns: What it said.
  public func boot(
    _ firmware: Firmware, until marks: [String], in scratch: Scratch, seconds: Double
  ) throws -> String {
    let line = "\(scratch.path)/serial-\(UUID().uuidString)"
    var words = ["ip", "netns", "exec", namespace, "qemu-system-x86_64", "-accel", "tcg"]
    switch firmware {
    case .bios: words += ["-m", "512", "-nographic", "-boot", "n", "-device", "virtio-net-pci,netdev=n0"]
    case .uefi:
      let variables = "\(scratch.path)/vars-\(UUID().uuidString).fd"
      try FileManager.default.copyItem(atPath: "/usr/share/OVMF/OVMF_VARS_4M.fd", toPath: variables)
      words += [
        "-machine", "q35", "-m", "1024", "-nodefaults", "-nographic", "-serial", "stdio", "-drive",
        "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd", "-drive",
        "if=pflash,format=raw,file=\(variables)", "-device", "virtio-net-pci,netdev=n0,romfile=", "-device",
        "virtio-rng-pci",
      ]
    }
    words += ["-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no"]
    let machine = try Child(words, output: line)
    defer { machine.end(SIGKILL) }
    let said = { String(decoding: FileManager.default.contents(atPath: line) ?? Data(), as: UTF8.self) }
    // To the end of the mark's line: a machine writes a character at a time.
    _ = within(seconds) {
      let text = said()
      return machine.hasEnded
        || marks.contains { mark in
          text.range(of: mark).map { text[$0.upperBound...].contains(where: \.isNewline) } ?? false
        }
    }
    return said()
  }
}
