import WireKit

/// `boot`: what machines boot from the network. The client's architecture (option 93, RFC 4578) picks the file.
public struct DHCPBoot: ConfigurationRecord {
  public var bios: PlainText?
  public var efi32: PlainText?
  public var efi64: PlainText?
  public var arm64: PlainText?
  public var http: UpstreamURL<WebKind>?
  public var script: PlainText?
  public var server: IPAddress?

  public init() {}

  public static let schema = Schema(DHCPBoot(), "What machines boot from the network, by kind.") { keys in
    keys.key("bios", \.bios, Codec<PlainText>.text().optional(), "For PC BIOS, by TFTP.", example: "\"netboot.kpxe\"")
    keys.key(
      "efi32", \.efi32, Codec<PlainText>.text().optional(), "For 32-bit UEFI, by TFTP.", example: "\"netboot32.efi\"")
    keys.key(
      "efi64", \.efi64, Codec<PlainText>.text().optional(), "For 64-bit UEFI, by TFTP.", example: "\"netboot.efi\"")
    keys.key(
      "arm64", \.arm64, Codec<PlainText>.text().optional(), "For ARM UEFI, by TFTP.", example: "\"netboot-arm64.efi\"")
    keys.key(
      "http", \.http, Codec<UpstreamURL<WebKind>>.text().optional(), "For UEFI's HTTP boot, and for iPXE.",
      details: "UEFI gets it only if it is no iPXE script (`.ipxe`); iPXE gets `script` instead, where there is one.",
      example: "\"http://srv.acme.example/boot.ipxe\"")
    keys.key(
      "script", \.script, Codec<PlainText>.text().optional(),
      "What iPXE gets once it runs: a file by TFTP, or a URL. It never gets itself again.", example: "\"boot.ipxe\"")
    keys.key(
      "server", \.server, Codec<IPAddress>.text().optional(),
      "The TFTP server (`siaddr`, options 66 and 150); absent: our own address on the network.",
      example: "\"192.168.10.2\"")
  }

  /// Whether there is nothing to boot.
  public var isEmpty: Bool { self == DHCPBoot() }

  public func problems() -> [Problem] {
    guard let server, server.family != .v4 else { return [] }
    return [Problem(ConfigurationPath("server"), "\(server) is not IPv4")]
  }
}
