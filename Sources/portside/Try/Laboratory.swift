import Configuration
import Foundation
import Gate
import Services
import Stores
import Transport

/// The data of `portside try`: made once, kept after that.
struct Laboratory: Sendable {
  /// An account with what it takes to log in, kept in plain text: this is a laboratory, on loopback.
  struct Person: Codable, Sendable {
    var name: String
    var password: String
    var roles: [String]
    /// The path of a private SSH key.
    var sshKey: String?
  }

  static let domain = "lab.test"

  var file: ConfigurationFile { ConfigurationFile(path: "\(path)/portside.toml") }

  let path: String
  let people: [Person]

  private static func peopleFile(_ path: String) -> String { "\(path)/accounts.json" }

  /// The laboratory in this folder; what is missing is made.
  static func open(path: String, seed: String?) async throws -> Laboratory {
    let manager = FileManager.default
    if manager.fileExists(atPath: peopleFile(path)) {
      guard let content = manager.contents(atPath: peopleFile(path)),
        let people = try? JSONDecoder().decode([Person].self, from: content)
      else { throw CommandFailure("\(peopleFile(path)) is not as `try` wrote it; delete the folder to start again") }
      if seed != nil { Terminal.note("the data is there already: --seed has no effect") }
      return Laboratory(path: path, people: people)
    }
    if let content = try? manager.contentsOfDirectory(atPath: path), !content.isEmpty, !isBegun(path) {
      throw CommandFailure("\(path) is neither empty nor a laboratory; choose another folder by --data")
    }
    if let seed, !manager.fileExists(atPath: seed) { throw CommandFailure("--seed: there is no folder \(seed)") }
    try manager.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    // First, so that a start that is cut off leaves a folder that is known to be ours.
    try write(
      Data(TryFiles.configuration(domain: domain, data: path).utf8), to: "\(path)/portside.toml", mode: 0o644)
    try makeFiles(path, seed: seed)
    var people = try seededPeople(seed)
    if people.isEmpty {
      people = [
        try makePerson("ann", roles: ["admin"], in: path), try makePerson("bob", roles: ["staff"], in: path),
      ]
    }
    try await enter(people, path)
    // Last, so that a start that was cut off begins anew.
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try write(encoder.encode(people), to: peopleFile(path), mode: 0o600)
    return Laboratory(path: path, people: people)
  }

  /// The configuration, with the ports that are wanted; `dnsPort` is the one for DNS where they are 0.
  func configuration(
    ports: UInt16, dnsPort: UInt16, faults: [String] = [], overlay: ConfigurationOverlay = ConfigurationOverlay()
  ) throws -> PortsideConfiguration {
    var configuration = try file.load(overlay: overlay)
    for fault in faults {
      if fault.hasPrefix("smtp."), let text = try? PlainText(configuration: String(fault.dropFirst(5))) {
        configuration.smtp.faults.append(text)
        continue
      }
      do { configuration.server.faults.append(try FaultRule(configuration: fault)) } catch {
        throw CommandFailure(
          "--fail \(fault): \(error.message); or SERVICE.COMMAND=CODE, for smtp.mail, smtp.rcpt and smtp.data")
      }
    }
    configuration.move(ports: ports, dnsPort: dnsPort)
    return configuration
  }

  // MARK: Making it

  private static func makeFiles(_ path: String, seed: String?) throws {
    let texts = [
      "zones/\(domain).zone": TryFiles.zone(domain: domain),
      "zones/127.in-addr.arpa.zone": TryFiles.reverseZone(domain: domain),
      "tftp/boot.ipxe": TryFiles.bootScript(domain: domain),
      "backups/README": "Configurations that devices save by TFTP, as versions: portside config-backup list\n",
      "site/index.html": TryFiles.page(domain: domain),
      "site/about/index.html": TryFiles.about(domain: domain),
    ]
    for (name, text) in texts { try write(Data(text.utf8), to: "\(path)/\(name)", mode: 0o644) }
    for name in ["files/shared", "files/home"] {
      try FileManager.default.createDirectory(
        atPath: "\(path)/\(name)", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    }
    guard let seed else { return }
    for folder in ["site", "zones"] {
      let source = "\(seed)/\(folder)"
      guard let names = FileManager.default.enumerator(atPath: source) else { continue }
      for case let name as String in names {
        guard let content = regularFile("\(source)/\(name)") else { continue }
        try write(content, to: "\(path)/\(folder)/\(name)", mode: 0o644)
      }
    }
  }

  /// Whether an earlier start was cut off here before the data was complete.
  private static func isBegun(_ path: String) -> Bool {
    let content = FileManager.default.contents(atPath: "\(path)/portside.toml") ?? Data()
    return content.starts(with: Data(TryFiles.mark.utf8))
  }

  private static func regularFile(_ path: String) -> Data? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else { return nil }
    return FileManager.default.contents(atPath: path)
  }

  private static func makePerson(_ name: String, roles: [String], in path: String) throws -> Person {
    let key = OpenSSHKey(comment: "\(name)@\(domain)")
    let file = "\(path)/id_\(name)"
    try write(Data(key.privateFile.utf8), to: file, mode: 0o600)
    try write(Data((key.publicLine + "\n").utf8), to: file + ".pub", mode: 0o644)
    return Person(name: "\(name)@\(domain)", password: randomPassword(), roles: roles, sshKey: file)
  }

  /// Four groups of four letters and digits without those that look alike: 77 bits.
  private static func randomPassword() -> String {
    let letters = Array("abcdefghjkmnpqrstuvwxyz23456789")
    return (0..<4).map { _ in String((0..<4).compactMap { _ in letters.randomElement() }) }.joined(separator: "-")
  }

  private static func seededPeople(_ seed: String?) throws -> [Person] {
    guard let seed, let content = FileManager.default.contents(atPath: "\(seed)/accounts.json") else { return [] }
    do { return try JSONDecoder().decode([Person].self, from: content) } catch {
      throw CommandFailure("\(seed)/accounts.json: not a list of {\"name\", \"password\", \"roles\"}: \(error)")
    }
  }

  private static func enter(_ people: [Person], _ path: String) async throws {
    let configuration = try ConfigurationFile(path: "\(path)/portside.toml").load()
    let folder = DataFolder(configuration)
    try folder.prepare(for: nil)
    let store = try SQLiteStore(path: folder.database)
    defer { try? store.close() }
    let directory = try GateDirectory.make(
      configuration, masterKey: try MasterKey.load(configuration), store: store, clock: SystemClock())
    for person in people { try await enter(person, into: directory) }
    try await SampleMail.fill(folder, people: people.map(\.name), domain: domain)
  }

  private static func enter(_ person: Person, into directory: AccountDirectory) async throws {
    let isThere = (try? await directory.account(person.name)) != nil
    // There from a start that was cut off, otherwise.
    if !isThere { _ = try await directory.create(AccountSpecification(name: person.name, roles: person.roles)) }
    try await directory.setPassword(Secret(person.password), of: person.name, force: true)
    // Remote desktops have a password of their own; a laboratory's is the same.
    try await directory.setDesktopPassword(Secret(person.password), of: person.name)
    guard let key = person.sshKey else { return }
    let line = try String(contentsOfFile: key + ".pub", encoding: .utf8).trimmingCharacters(in: .newlines)
    do throws(DirectoryError) {
      _ = try await directory.addKey(line, to: person.name)
    } catch {
      // The same key again: there from a start that was cut off, as well.
      if error.code != .conflict { throw error }
    }
  }

  private static func write(_ content: Data, to path: String, mode: Int) throws {
    let manager = FileManager.default
    try manager.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o755])
    guard manager.createFile(atPath: path, contents: content, attributes: [.posixPermissions: mode]) else {
      throw CommandFailure("can't write \(path)")
    }
  }
}
