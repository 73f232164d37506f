import ArgumentParser
import Certificates
import Foundation
import Services

/// `portside probe URL`: what a client sees, step by step.
struct ProbeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe", abstract: "Look at a service through its own client, step by step.",
    discussion: """
      Exit code 1 when the service does not answer as it should.

      Examples:
        portside probe https://www.lab.test:10443/ --ca portside-data/ca/ca.pem
        portside probe dns://127.0.0.1:10053/www.lab.test/AAAA
        portside probe dns+tls://127.0.0.1:10853 --ca portside-data/ca/ca.pem
        portside probe ssh://127.0.0.1:10022
        portside probe sftp://ann@127.0.0.1:10022/shared --identity portside-data/id_ann
        PORTSIDE_PASSWORD=... portside probe ssh://ann@127.0.0.1:10022/uptime
      """)

  @Argument(help: "The service: \(Probes.schemes.map { $0 + "://" }.joined(separator: ", ")).") var url: String
  @Option(help: "A file of certificates in PEM to trust instead of the system's.") var ca: String?
  @Option(help: "A private SSH key in OpenSSH's format, without a pass phrase, to log in with.") var identity: String?
  @Option(
    help: ArgumentHelp(
      "A file with the SSH server's public keys; another key is a failure.", discussion: "Lines as in host_ed25519.pub."
    )) var hostKeys: String?
  @Option(
    help: ArgumentHelp(
      "A known_hosts file; an SSH server that it does not know is a failure.",
      discussion: "With hashed names, @cert-authority and @revoked, as OpenSSH writes and reads it.")
  ) var knownHosts: String?
  @Flag(help: "As JSON.") var json = false

  func run() async throws {
    var options = ProbeOptions()
    if let ca { options.trustRoots = try TrustFile.read(ca) }
    options.identity = identity
    options.password = ProcessInfo.processInfo.environment["PORTSIDE_PASSWORD"].map { Secret($0) }
    if let hostKeys { options.hostKeys = try HostKeyFile.read(hostKeys) }
    if let knownHosts { options.knownHosts = try HostKeyFile.readKnownHosts(knownHosts) }
    let probe: any Probe
    do { probe = try Probes.probe(url, options) } catch {
      Terminal.note("portside: \(error)")
      throw ExitCode(2)
    }
    let report = await probe.run()
    if json { try Terminal.print(json: report) } else { Terminal.print(report.text) }
    if report.failure != nil { throw ExitCode(1) }
  }
}

/// Certificates of a PEM file, in DER.
enum TrustFile {
  static func read(_ path: String) throws -> [[UInt8]] {
    guard let content = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("\(path): \(String(cString: strerror(errno == 0 ? ENOENT : errno)))")
    }
    let blocks: [PEMBlock]
    do { blocks = try PEM.blocks(in: [UInt8](content)) } catch { throw CommandFailure("\(path): \(error)") }
    let certificates = blocks.filter { $0.label == "CERTIFICATE" }.map(\.bytes)
    guard !certificates.isEmpty else { throw CommandFailure("\(path) holds no certificate") }
    return certificates
  }
}
