import Foundation
import SFTPClient
import SSHClient
import SSHCore
import WireKit

/// `probe ssh://[user@]server[:port][/command]` and `probe sftp://[user@]server[:port][/folder]`: keys, log-in, and one
/// command or listing. Without a key or password it shows what the server offers.
struct SSHProbe: Probe {
  private let url: String
  private let target: ProbeTarget
  private let user: String
  /// The path behind the server, with its escapes resolved.
  private let path: String
  private let listsFiles: Bool
  private let options: ProbeOptions

  init(_ url: String, _ options: ProbeOptions) throws {
    self.url = url
    self.options = options
    listsFiles = url.lowercased().hasPrefix("sftp:")
    guard let start = url.firstRange(of: "://")?.upperBound else { throw CommandFailure("'\(url)' is no URL") }
    var rest = url[start...]
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    // A name may have an @ itself: ann@lab.test.
    if let at = rest[..<slash].lastIndex(of: "@") {
      user = String(rest[..<at]).removingPercentEncoding ?? String(rest[..<at])
      rest = rest[rest.index(after: at)...]
    } else {
      user = "portside-probe"
    }
    target = try ProbeTarget("ssh://\(rest)", standardPort: 22)
    let tail = rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? ""
    path = tail.removingPercentEncoding ?? tail
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(url)
    do {
      let configuration = try configuration()
      let endpoint = try target.endpoint()
      let exchange = try await SSHClient(configuration: configuration).run(
        configuration.credentials.isEmpty ? nil : program, at: endpoint)
      note(exchange, &report)
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }

  private func configuration() throws -> SSHClient.Configuration {
    var credentials: [ClientCredential] = []
    var answers: [Credential] = []
    if let path = options.identity {
      guard let file = FileManager.default.contents(atPath: path) else {
        throw CommandFailure("\(path): \(String(cString: strerror(errno == 0 ? ENOENT : errno)))")
      }
      do { credentials.append(.publicKey(try PrivateKey(openSSHFile: [UInt8](file)))) } catch {
        throw CommandFailure("\(path) is no private key in OpenSSH's format without a pass phrase")
      }
    }
    if let password = options.password {
      let credential = password.withBytes { Credential($0) }
      credentials += [.password(credential), .keyboardInteractive]
      answers = [credential]
    }
    let known = options.hostKeys
    var configuration = SSHClient.Configuration(user: user, credentials: credentials, answers: answers) { key in
      known.isEmpty || known.contains(key)
    }
    if let list = options.knownHosts {
      configuration.judge(by: list, host: target.host, port: target.port) {
        UInt64(max(0, Date().timeIntervalSince1970))
      }
    }
    return configuration
  }

  private var program: (any ClientProgram)? {
    if listsFiles { return SFTPListing(path.isEmpty ? "." : path) }
    let command = path.drop { $0 == "/" }
    return command.isEmpty ? nil : ClientCommandLine(String(command))
  }

  private func note(_ exchange: SSHExchange, _ report: inout ProbeReport) {
    report.add("connected", "\(target.host) port \(target.port)", nanoseconds: exchange.timings.connected)
    report.add("server", exchange.server)
    if let key = exchange.hostKey {
      report.add(
        "host key",
        "\(key.type) \(key.fingerprint)\(options.hostKeys.isEmpty && options.knownHosts == nil ? "" : ", as expected")")
    }
    if let certificate = exchange.hostCertificate {
      report.add("host certificate", "\(certificate.identifier), by \(certificate.authority.fingerprint)")
    }
    report.add("keys", exchange.algorithms, nanoseconds: exchange.timings.keysExchanged)
    if !exchange.methods.isEmpty { report.add("log-in by", exchange.methods.joined(separator: ", ")) }
    if exchange.isLoggedIn { report.add("logged in", user, nanoseconds: exchange.timings.loggedIn) }
    report.add(
      "answer", exchange.isLoggedIn ? "log-in and \(path.isEmpty ? "out" : path)" : exchange.hostKey?.type ?? "none",
      nanoseconds: exchange.timings.ended)
    if let listing = exchange.program as? SFTPListing {
      report.answer = listing.lines.map { $0 + "\n" }.joined()
      report.failure = listing.failure
    } else if exchange.exit != nil {
      report.answer = String(decoding: exchange.output + exchange.errors, as: UTF8.self)
      if exchange.exit != .code(0), let exit = exchange.exit { report.failure = "it ended with \(exit)" }
    }
  }
}

/// Public keys in OpenSSH's form, a line each.
enum HostKeyFile {
  static func read(_ path: String) throws -> [PublicKey] {
    guard let content = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("\(path): \(String(cString: strerror(errno == 0 ? ENOENT : errno)))")
    }
    let keys = String(decoding: content, as: UTF8.self).split(separator: "\n").compactMap {
      PublicKey(line: String($0))
    }
    guard !keys.isEmpty else { throw CommandFailure("\(path) holds no public key") }
    return keys
  }

  static func readKnownHosts(_ path: String) throws -> KnownHosts {
    guard let content = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("\(path): \(String(cString: strerror(errno == 0 ? ENOENT : errno)))")
    }
    return KnownHosts(String(decoding: content, as: UTF8.self))
  }
}
