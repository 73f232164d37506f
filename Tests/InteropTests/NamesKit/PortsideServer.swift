import Foundation

/// `portside serve` in the server's namespace: supervisor, workers, their own user, as in earnest.
public final class PortsideServer {
  public let data: String
  public let configuration: String
  private let child: Child
  private let namespace: String
  private let log: String

  /// - Parameters:
  ///   - sections: `[dhcp]` and what else is wanted; `lan` is 10.9.0.1, the zone `lab.test` and its reverse zone are there.
  ///   - folder: A folder that others may enter.
  public init(_ sections: String, in folder: Scratch, namespace: String, lan: [String] = ["10.9.0.1"]) throws {
    self.namespace = namespace
    data = "\(folder.path)/data"
    configuration = "\(folder.path)/portside.toml"
    log = "\(folder.path)/log"
    chmod(folder.path, 0o755)
    let zones = try Self.writeZones(folder)
    _ = try folder.put(Data("#!ipxe\necho by TFTP\n".utf8), "tftp/boot.ipxe")
    try FileManager.default.createDirectory(atPath: "\(folder.path)/backups", withIntermediateDirectories: true)
    chmod("\(folder.path)/backups", 0o777)
    let text = """
      [server]
      hostname = "srv.lab.test"
      data     = "\(data)"
      key      = "file:\(folder.path)/key"
      user     = "nobody"

      [listen]
      lan = [\(lan.map { "\"\($0)\"" }.joined(separator: ", "))]

      [tls]
      issuer = "internal-ca"

      [dns]
      on       = ["lan"]
      tls_port = "off"
      zones    = [\(zones)]

      [tftp]
      on    = ["lan"]
      read  = "\(folder.path)/tftp"
      write = "\(folder.path)/backups/{device}"

      \(sections)
      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
    child = try Self.start(configuration, namespace, log)
    try waitUntilReady()
  }

  private static func start(_ configuration: String, _ namespace: String, _ log: String) throws -> Child {
    let program = NamesServer.products.appendingPathComponent("portside").path
    return try Child(["ip", "netns", "exec", namespace, program, "serve", "--config", configuration], output: log)
  }

  private static func writeZones(_ folder: Scratch) throws -> String {
    let soa = "@ IN SOA srv.lab.test. hostmaster.lab.test. ( 5 3600 600 604800 60 )\n  IN NS srv.lab.test.\n"
    let forward = try folder.put(
      Data("$ORIGIN lab.test.\n$TTL 300\n\(soa)srv IN A 10.9.0.1\nboss IN A 10.9.0.7\n".utf8), "zones/lab.test.zone")
    let reverse = try folder.put(
      Data("$ORIGIN 9.10.in-addr.arpa.\n$TTL 300\n\(soa)1.0 IN PTR srv.lab.test.\n".utf8), "zones/reverse.zone")
    return """
      { name = "lab.test", file = "\(forward)" }, { name = "9.10.in-addr.arpa", file = "\(reverse)" }
      """
  }

  public var logText: String {
    String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
  }

  /// Both workers, as in this log line: `"message":"worker ready","worker":"names"`.
  public func waitUntilReady(seconds: Double = 30) throws {
    let end = Date() + seconds
    while !["names", "gate"].allSatisfy({ logText.contains("\"worker ready\",\"worker\":\"\($0)\"") }) {
      guard !child.hasEnded, Date() < end else { throw PeerFailure("portside did not start: \(logText)") }
      usleep(10_000)
    }
  }

  /// `portside WORDS --config …` beside it.
  public func portside(_ words: String...) throws -> (status: Int32, output: String) {
    let program = NamesServer.products.appendingPathComponent("portside").path
    return try Command.run(
      ["ip", "netns", "exec", namespace, program] + words + ["--config", configuration], seconds: 30)
  }

  /// The process of a worker.
  public func worker(_ name: String) throws -> Int32? {
    let status = try portside("status").output
    let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split(separator: " ").compactMap { Int32($0) }.first
  }

  public func stop() { child.end(SIGTERM) }

  deinit { stop() }
}

extension NamespacePair {
  /// What dig says, its short form.
  public func dig(_ words: String..., server: String = "10.9.0.1") throws -> String {
    try Command.run(
      ["ip", "netns", "exec", self.server, "dig", "+short", "+tries=1", "+time=3", "@\(server)"] + words, seconds: 15
    ).output.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// Looks until something is so; whether it came to be in time.
public func within(_ seconds: Double, _ condition: () throws -> Bool) rethrows -> Bool {
  let end = Date() + seconds
  while true {
    if try condition() { return true }
    if Date() >= end { return false }
    usleep(100_000)
  }
}
