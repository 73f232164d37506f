import Glibc
import Services
import SSHCore
import SSHServer
import Transport
import WireKit

struct FixtureOptions {
  private var values: [String: [String]] = [:]

  init(_ arguments: [String]) {
    var rest = arguments[...]
    while let name = rest.popFirst(), let value = rest.popFirst() { values[name, default: []].append(value) }
  }

  private func first(_ name: String) -> String? { values["--" + name]?.first }
  private func list(_ name: String) -> [String]? { first(name)?.split(separator: ",").map(String.init) }

  var threads: Int { first("threads").flatMap { Int($0) } ?? 1 }

  static func read(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    return bytes
  }

  func makeServer() throws -> SSHServer {
    var keys = try (values["--host-key"] ?? []).map { try PrivateKey(openSSHFile: Self.read($0)) }
    if keys.isEmpty { keys = [try PrivateKey(.ed25519)] }
    var session = ServerSessionConfiguration(hostKeys: keys)
    if let names = list("kex") { session.algorithms.keyExchanges = names }
    if let names = list("ciphers") { session.algorithms.ciphers = names }
    if let names = list("macs") { session.algorithms.macs = names }
    if let bytes = first("rekey").flatMap({ UInt64($0) }) { session.limits.rekeyBytes = bytes }
    if let packet = first("channel-packet").flatMap({ UInt32($0) }) { session.limits.channelPacket = packet }
    if let seconds = first("grace").flatMap({ Int($0) }) { session.limits.graceTime = .seconds(seconds) }
    if let text = first("banner") { session.policy.banner = text + "\r\n" }
    if let ways = values["--ways"] {
      session.policy.ways = ways.map { way in
        way.split(separator: ",").compactMap { AuthenticationPolicy.Method(rawValue: String($0)) }
      }
    }
    let configuration = SSHServerConfiguration(session: session)
    return SSHServer(
      configuration: configuration, context: context(),
      counter: ConnectionCounter(SourceLimits(maximumConnectionsPerSource: 10_000)), numbers: SessionNumbers(),
      programs: try FixturePrograms(home: first("home"), files: first("files")))
  }

  private func context() -> ServerContext {
    let keys = values["--authorized"]?.flatMap { path in
      String(decoding: Self.read(path), as: UTF8.self).split(separator: "\n").compactMap { PublicKey(line: String($0)) }
    }
    let accounts = FixtureAccounts(
      user: first("user") ?? "ann", password: first("password"), code: first("code"), keys: Set(keys ?? []),
      permissions: Set(list("permit") ?? []))
    return ServerContext(
      clock: SystemClock(), events: FixtureEvents(isVerbose: first("verbose") != nil), accounts: accounts,
      penalties: FixturePenalties(), sessions: FixtureSessions(), certificates: FixtureCertificates())
  }

  func boundSocket() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = (first("port").flatMap { UInt16($0) } ?? 0).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard bound == 0, listen(descriptor, 1024) == 0 else { throw ServiceUnavailable("no socket") }
    return descriptor
  }
}
