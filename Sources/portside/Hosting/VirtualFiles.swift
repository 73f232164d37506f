import Configuration
import DHCPCore
import Foundation
import Services
import SystemShims
import TFTPServer
import WireKit

/// What TFTP serves that is no file: the boot menu in each loader's language, and templates filled in for the machine that asks.
struct VirtualFiles: Sendable {
  /// Clients with something of their own.
  private struct Group: Sendable {
    var name: String
    var hardware: [[UInt8]]
    var networks: [IPNetwork]
    var devices: Set<String>
    var circuits: [[UInt8]]
    var hasRoot: Bool
    var choice: String?
  }

  private static let maximumTemplateSize = 1 << 20

  private var menu = BootMenu()
  private var templates: String?
  private var groups: [Group] = []
  private var servers: [IPAddress] = []

  init() {}

  init(_ configuration: PortsideConfiguration) {
    let section = configuration.tftp
    menu.seconds = Int(clamping: section.menuTimeout.components.seconds)
    menu.entries = section.menu.sorted { $0.key < $1.key }.map { name, entry in
      BootMenu.Entry(
        name: name.description, title: entry.title.description, kernel: entry.kernel?.description,
        initrd: entry.initrd.map(\.description), arguments: entry.arguments?.description,
        chain: entry.chain?.description)
    }
    templates = section.templates?.description
    servers = section.on.flatMap { configuration.listen[$0] ?? [] }
    groups = section.clients.sorted { $0.key < $1.key }.map { name, entry in
      Group(
        name: name.description, hardware: entry.mac.compactMap { TFTPClientGroup.octets($0.description) },
        networks: entry.from, devices: Set(entry.devices.map { $0.description.lowercased() }),
        circuits: entry.circuits.map { Array($0.description.utf8) }, hasRoot: entry.read != nil,
        choice: entry.menu?.description)
    }
  }

  private func group(_ lease: LeaseRecord?, _ device: String?, at address: IPAddress) -> Group? {
    groups.first { group in
      if group.networks.contains(where: { $0.contains(address) }) { return true }
      if let device, group.devices.contains(device.lowercased()) { return true }
      guard let lease else { return false }
      if group.hardware.contains(where: { lease.hardwareAddress.starts(with: $0) }) { return true }
      // Relay, circuit, a zero, remote identifier: as the engine writes it.
      return group.circuits.contains { lease.place.dropFirst(4).starts(with: $0 + [0]) }
    }
  }

  /// The folder of a client's own, by the name of its group.
  func root(_ lease: LeaseRecord?, _ device: String?, at address: IPAddress) -> String? {
    group(lease, device, at: address).flatMap { $0.hasRoot ? $0.name : nil }
  }

  /// The content of a name; `nil` when it is a file's, or nobody's.
  func content(_ file: String, _ lease: LeaseRecord?, _ device: String?, at address: IPAddress) -> [UInt8]? {
    guard !menu.entries.isEmpty || templates != nil else { return nil }
    let loader = BootMenu.Loader(file: file)
    let template = self.template(loader?.rawValue ?? file)
    guard template != nil || loader != nil && !menu.entries.isEmpty else { return nil }
    let machine = BootMenu.Machine(
      address: address, hardware: lease?.hardwareAddress ?? [], device: device.flatMap { HostLabel.of($0) },
      server: server(lease, address), choice: group(lease, device, at: address)?.choice)
    let built = loader.map { menu.text($0, for: machine) } ?? ""
    return Array((template.map { BootMenu.fill($0, for: machine, menu: built) } ?? built).utf8)
  }

  /// Our address that is nearest to a client.
  private func server(_ lease: LeaseRecord?, _ address: IPAddress) -> IPAddress {
    let own = servers.filter { $0.family == address.family }
    return own.first { lease?.subnet.contains($0) ?? false } ?? own.first { !$0.isUnspecified } ?? own.first
      ?? (address.family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0))
  }

  /// A file of the templates' folder, as it is now.
  private func template(_ name: String) -> String? {
    guard let templates else { return nil }
    let parts = name.split(whereSeparator: { $0 == "/" || $0 == "\\" })
    guard !parts.isEmpty, !parts.contains("..") else { return nil }
    let folder = open(templates, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return nil }
    defer { close(folder) }
    let file = portside_open_beneath(folder, parts.joined(separator: "/"), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.maximumTemplateSize
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    let count = read(file, &bytes, bytes.count)
    return count >= 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
  }
}
