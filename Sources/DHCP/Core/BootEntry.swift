import WireKit

/// How a machine boots over the network. Everything that DHCP says of it is derived from this one entry: `siaddr`, `file`, and
/// the options 43, 60, 66, 67 and 175.
public struct BootEntry: Sendable, Hashable {
  /// The TFTP server: `siaddr`, and option 66 in figures.
  public var server: IPAddress
  /// The file for each processor architecture (RFC 4578 §2.1 and IANA's list): 0 BIOS, 6 and 7 and 9 EFI, 11 EFI on ARM…
  public var files: [UInt16: String]
  /// The file for every other architecture, and for clients that name none.
  public var file: String?
  /// What iPXE gets, once it runs: its script, as a file or URL. It must not get itself again, or it loops.
  public var script: String?
  /// The URL for firmware that boots by HTTP (architectures 15...20 and class `HTTPClient`).
  public var httpURL: String?

  public init(server: IPAddress, files: [UInt16: String] = [:], file: String? = nil) {
    self.server = server
    self.files = files
    self.file = file
  }

  /// What a client is to load.
  public enum Target: Sendable, Hashable {
    /// By TFTP, or whatever an iPXE script's URL says.
    case file(String)
    case http(String)
  }

  /// What this client is to load; `nil` when there is nothing for it.
  public func target(for message: Message) -> Target? {
    if let script, Self.isIPXE(message) { return .file(script) }
    let architecture = Self.architecture(of: message)
    if Self.isHTTPClient(message) { return httpURL.map { .http($0) } }
    if let architecture, let file = files[architecture] { return .file(file) }
    // EFI byte code (7 by RFC 4578, which firmware has always used for x86-64) and x86-64 (9) mean one and the same.
    if architecture == 7 || architecture == 9, let file = files[7] ?? files[9] { return .file(file) }
    return file.map { .file($0) }
  }

  /// Puts it all into a reply.
  public func fill(_ reply: inout Message, for message: Message) {
    guard let target = target(for: message) else { return }
    reply.nextServer = server
    reply.options[.tftpServerName] = Array(server.description.utf8)
    let name: String
    switch target {
    case .file(let file): name = file
    case .http(let url):
      name = url
      // Without it the firmware takes the offer for one of ordinary network boot.
      reply.options[.vendorClass] = Array("HTTPClient".utf8)
    }
    reply.options[.bootFileName] = Array(name.utf8)
    reply.bootFile = name.utf8.count <= 127 ? Array(name.utf8) : []
    if Self.isPXE(message), case .file = target {
      reply.options[.vendorClass] = Array("PXEClient".utf8)
      // Sub-option 6, bit 3: go to the file at once, without asking for boot servers (PXE 2.1, table 2-1).
      reply.options[.vendorSpecific] = [6, 1, 8, 255]
    }
    if Self.isIPXE(message) {
      // Sub-option 176 (no-pxedhcp): iPXE need not wait for a proxy.
      reply.options[.iPXE] = [176, 1, 1]
    }
    if let machine = message.options[.clientMachine] { reply.options[.clientMachine] = machine }
  }

  /// Whether iPXE itself asks, by its option 175 or its user class.
  public static func isIPXE(_ message: Message) -> Bool {
    if message.options[.iPXE] != nil { return true }
    guard let userClass = message.options[.userClass] else { return false }
    // RFC 3004 wants each class behind its length; iPXE sends the bare text.
    return userClass == Array("iPXE".utf8) || userClass == [4] + Array("iPXE".utf8)
  }

  public static func isPXE(_ message: Message) -> Bool { message.text(.vendorClass)?.hasPrefix("PXEClient") ?? false }

  public static func isHTTPClient(_ message: Message) -> Bool {
    message.text(.vendorClass)?.hasPrefix("HTTPClient") ?? false
  }

  /// The first architecture that the client names (option 93), or the one within its vendor class.
  public static func architecture(of message: Message) -> UInt16? {
    if let bytes = message.options[.clientArchitecture], bytes.count >= 2 {
      return UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    }
    // "PXEClient:Arch:00007:UNDI:003016"
    guard let text = message.text(.vendorClass) else { return nil }
    let parts = text.split(separator: ":")
    guard let index = parts.firstIndex(of: "Arch"), index + 1 < parts.count else { return nil }
    return UInt16(parts[index + 1])
  }
}
