import ArgumentParser
import Certificates
import Configuration
import Foundation
import Services
import Supervision
import Transport

/// `portside cert`: the certificates of all services.
struct CertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cert", abstract: "Certificates: list, show, import, request, issue, renew, remove.",
    discussion: "New certificates are in force in every service at once; no session ends.",
    subcommands: [List.self, Show.self, Import.self, Request.self, Issue.self, Renew.self, Remove.self])

  /// The store of the configured server. A running gate looks at its folder every second, so nothing else is to be told.
  fileprivate static func store(_ options: ConfigurationOptions) throws -> CertificateStore {
    let configuration = try options.load()
    return try GateDirectory.certificateStore(
      configuration, masterKey: try MasterKey.load(configuration), clock: SystemClock())
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Every certificate and request.")
    @OptionGroup var options: ConfigurationOptions
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
      let listing = try CertCommand.store(options).list()
      if json { return try Terminal.print(json: listing) }
      var table = Table("id", "names", "issuer", "until", "state", "services")
      for certificate in listing.certificates {
        table.add(
          certificate.id, certificate.names.joined(separator: " "), certificate.issuer, certificate.notAfter,
          certificate.state.rawValue, certificate.services.map(\.rawValue).sorted().joined(separator: " "))
      }
      Terminal.print(table.text)
      for request in listing.requests {
        Terminal.print("request \(request.id) waits for its certificate: \(request.names.joined(separator: " "))")
      }
      for broken in listing.broken { Terminal.note("broken: \(broken.file): \(broken.reason)") }
      if !listing.broken.isEmpty { throw ExitCode(1) }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "One certificate in full.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its id, or a name that only it has.") var certificate: String

    func run() async throws { try Terminal.print(json: try CertCommand.store(options).show(certificate)) }
  }

  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Take over a certificate and its key, once they are checked.",
      discussion: """
        Refused: a key that does not belong to the certificate, a chain that leads to no trusted root, a certificate that is
        weak, expired or not for the names that are asked for. Each refusal says how to mend it.

        Example:
          portside cert import --chain fullchain.pem --key privkey.pem --name www.acme.example
        """)
    @OptionGroup var options: ConfigurationOptions
    @Option(help: "The certificate and its chain in PEM, leaf first.") var chain: String
    @Option(help: "The private key in PEM; absent: the key of a pending request.") var key: String?
    @Option(help: "A root in PEM to trust besides those of the system.") var root: String?
    @Option(name: .customLong("name"), help: "A name that it must be valid for; may be repeated.") var names: [String] =
      []
    @Option(name: .customLong("service"), help: "A service that it is for; absent: all.") var services: [ServiceName] =
      []
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
      let store = try CertCommand.store(options)
      let keyFile = try key.map { try CertCommand.read($0) }
      var passphrase: Secret?
      if let keyFile, String(decoding: keyFile, as: UTF8.self).contains("ENCRYPTED"),
        let answer = Terminal.askSecret("Pass phrase of the key: ")
      {
        passphrase = Secret(answer)
      }
      let result = try await store.importCertificate(
        CertificateImportRequest(
          chain: try CertCommand.read(chain), key: keyFile, passphrase: passphrase,
          roots: try root.map { try CertCommand.read($0) }, names: names, services: Set(services)))
      if json { return try Terminal.print(json: result) }
      result.findings.forEach { Terminal.note("\($0.message)") }
      Terminal.print("imported \(result.certificate.id): \(result.certificate.names.joined(separator: " "))")
    }
  }

  struct Request: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "request", abstract: "Make a key and a request for an outside authority to sign.",
      discussion: "The key stays here, sealed. `cert import --chain` takes the certificate when it comes.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The names.") var names: [String]
    @Option(name: .customLong("service"), help: "A service that it is for; absent: all.") var services: [ServiceName] =
      []

    func run() async throws {
      let summary = try CertCommand.store(options).request(names: names, services: Set(services))
      Terminal.note("request \(summary.id)")
      Terminal.print(summary.pem)
    }
  }

  struct Issue: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "issue", abstract: "A certificate of the private authority.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The names and addresses.") var names: [String]
    @Option(name: .customLong("service"), help: "A service that it is for; absent: all.") var services: [ServiceName] =
      []

    func run() async throws {
      let store = try CertCommand.store(options)
      let summary = try store.issue(names: names, services: Set(services))
      try Terminal.print(json: summary)
    }
  }

  struct Renew: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "renew", abstract: "Renew a certificate of the private authority, or the authority itself.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its id, or a name that only it has.") var certificate: String?
    @Flag(help: "A new root and intermediate; clients must trust the new root.") var authority = false

    func run() async throws {
      let store = try CertCommand.store(options)
      if authority {
        try Terminal.print(json: try store.replaceAuthority())
      } else if let certificate {
        try Terminal.print(json: try store.renew(certificate))
      } else {
        throw ValidationError("name a certificate, or say --authority")
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove", abstract: "Remove a certificate, or a request with its key.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its id, or a name that only it has.") var certificate: String

    func run() async throws {
      let store = try CertCommand.store(options)
      try store.remove(certificate)
      Terminal.print("removed \(certificate)")
    }
  }

  fileprivate static func read(_ path: String) throws -> [UInt8] {
    guard let content = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("\(path): \(String(cString: strerror(errno == 0 ? ENOENT : errno)))")
    }
    return [UInt8](content)
  }
}
