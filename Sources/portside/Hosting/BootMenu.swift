import Foundation
import WireKit

/// The boot menu as a value: entries in, the text of each kind of loader out.
struct BootMenu: Sendable, Hashable {
  struct Entry: Sendable, Hashable {
    var name: String
    var title: String
    var kernel: String?
    var initrd: [String] = []
    var arguments: String?
    var chain: String?
  }

  /// Whose menu it is.
  struct Machine: Sendable, Hashable {
    var address: IPAddress
    var hardware: [UInt8] = []
    /// Letters, digits and hyphens; it may come from the machine itself.
    var device: String?
    /// Our own address for it.
    var server: IPAddress
    /// The entry that it boots without being asked.
    var choice: String?

    var mac: String { hardware.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":") }
  }

  /// The loaders that have a language of their own, and the name that a template for each has.
  enum Loader: String, Sendable, CaseIterable {
    case ipxe = "menu.ipxe"
    case pxelinux = "pxelinux.cfg"
    case grub = "grub.cfg"

    /// Whose configuration a requested name is. pxelinux asks for its machine's identifier, hardware address and address, piece by
    /// piece shorter, and for `default`; GRUB does the same behind `grub.cfg`. All of them are this one menu.
    init?(file: String) {
      let parts = file.split(whereSeparator: { $0 == "/" || $0 == "\\" }).map { $0.lowercased() }
      guard let last = parts.last else { return nil }
      if last == "menu.ipxe" {
        self = .ipxe
      } else if parts.count >= 2, parts[parts.count - 2] == "pxelinux.cfg" {
        self = .pxelinux
      } else if last == "grub.cfg" || last.hasPrefix("grub.cfg-") {
        self = .grub
      } else {
        return nil
      }
    }
  }

  var entries: [Entry] = []
  /// Seconds until the first entry is taken.
  var seconds = 10

  /// The menu for a machine, in a loader's language.
  func text(_ loader: Loader, for machine: Machine) -> String {
    let choice = machine.choice.flatMap { name in entries.first { $0.name == name } }
    return switch loader {
    case .ipxe: ipxe(machine, choice)
    case .pxelinux: pxelinux(machine, choice)
    case .grub: grub(machine, choice)
    }
  }

  /// A template with `{address}`, `{mac}`, `{device}`, `{server}` and `{menu}` filled in. Everything else in braces stays, and so does
  /// what stands behind a `$`: those are the loaders' own.
  static func fill(_ template: String, for machine: Machine, menu: String = "") -> String {
    let values = [
      "address": machine.address.description, "mac": machine.mac, "device": machine.device ?? "",
      "server": machine.server.description, "menu": menu,
    ]
    var text = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{") {
      text += rest[..<open]
      let key = rest[rest.index(after: open)...].prefix { $0.isLetter }
      if key.endIndex < rest.endIndex, rest[key.endIndex] == "}", let value = values[String(key)], text.last != "$" {
        text += value
        rest = rest[rest.index(after: key.endIndex)...]
      } else {
        text += "{"
        rest = rest[rest.index(after: open)...]
      }
    }
    return text + rest
  }

  // MARK: Languages

  /// Titles come from the configuration; no quotation mark or line end may break a script.
  private static func plain(_ text: String) -> String {
    String(text.map { $0 == "\"" || $0 == "\\" || $0.isNewline || $0 == "$" ? " " : $0 })
  }

  private static func url(_ file: String, _ machine: Machine) -> String {
    if file.contains("://") { return file }
    let host = machine.server.family == .v6 ? "[\(machine.server)]" : "\(machine.server)"
    return "tftp://\(host)/" + file.drop { $0 == "/" }
  }

  private static func lastPart(_ file: String) -> String { file.split(separator: "/").last.map(String.init) ?? file }

  private func arguments(_ entry: Entry, _ machine: Machine) -> String {
    entry.arguments.map { Self.fill($0, for: machine) }.map { " " + $0 } ?? ""
  }

  private func ipxe(_ machine: Machine, _ choice: Entry?) -> String {
    var lines = ["#!ipxe"]
    if let choice {
      lines.append("goto \(choice.name)")
    } else {
      lines.append("menu What shall \(machine.device ?? machine.address.description) boot?")
      for entry in entries { lines.append("item \(entry.name) \(Self.plain(entry.title))") }
      lines += [
        "item portside-local The disk", "choose --timeout \(seconds * 1000) selected || goto portside-local",
        "goto ${selected}",
      ]
    }
    for entry in entries {
      lines.append(":\(entry.name)")
      if let kernel = entry.kernel {
        // A kernel that starts as a program of UEFI looks its file systems up by name.
        let names = entry.initrd.map { " initrd=\(Self.lastPart($0))" }.joined()
        lines.append("kernel \(Self.url(kernel, machine))\(names)\(arguments(entry, machine))")
        for file in entry.initrd { lines.append("initrd \(Self.url(file, machine))") }
        lines.append("boot")
      } else if let chain = entry.chain {
        lines.append("chain \(Self.url(chain, machine))")
      }
    }
    return (lines + [":portside-local", "exit"]).joined(separator: "\n") + "\n"
  }

  private func pxelinux(_ machine: Machine, _ choice: Entry?) -> String {
    guard let first = choice ?? entries.first else { return "default local\nlabel local\n  localboot 0\n" }
    var lines = ["default \(first.name)", "prompt \(choice == nil ? 1 : 0)"]
    if choice == nil {
      lines += ["timeout \(seconds * 10)", "say What shall be booted?"]
      for entry in entries { lines.append("say   \(entry.name): \(Self.plain(entry.title))") }
      lines.append("say   local: The disk")
    }
    for entry in entries {
      // `::` means the server's root, wherever pxelinux itself lies.
      lines += ["label \(entry.name)", "  menu label \(Self.plain(entry.title))"]
      lines.append("  kernel \(Self.rooted(entry.kernel ?? entry.chain ?? "", "::"))")
      if !entry.initrd.isEmpty {
        lines.append("  initrd \(entry.initrd.map { Self.rooted($0, "::") }.joined(separator: ","))")
      }
      if entry.arguments != nil { lines.append("  append\(arguments(entry, machine))") }
    }
    return (lines + ["label local", "  localboot 0"]).joined(separator: "\n") + "\n"
  }

  private static func rooted(_ file: String, _ root: String) -> String {
    file.contains("://") ? file : root + file.drop { $0 == "/" }
  }

  private func grub(_ machine: Machine, _ choice: Entry?) -> String {
    var lines = ["set timeout=\(choice == nil ? seconds : 0)"]
    if let first = choice ?? entries.first { lines.append("set default=\(first.name)") }
    for entry in entries {
      lines.append("menuentry \"\(Self.plain(entry.title))\" --id \(entry.name) {")
      if let kernel = entry.kernel {
        lines.append("  linux \(Self.rooted(kernel, "/"))\(arguments(entry, machine))")
        if !entry.initrd.isEmpty {
          lines.append("  initrd \(entry.initrd.map { Self.rooted($0, "/") }.joined(separator: " "))")
        }
      } else if let chain = entry.chain {
        lines.append("  chainloader \(Self.rooted(chain, "/"))")
      }
      lines.append("}")
    }
    lines += ["menuentry \"The disk\" --id portside-local {", "  exit", "}"]
    return lines.joined(separator: "\n") + "\n"
  }
}
