import FTPClient
import FTPCore
import NIOCore
import Services
import WireKit

/// `probe ftp://server[:port]/[folder]` and `ftps://`: connection, TLS, what the server can do; with an account's name and
/// password, or anonymously, the folder.
struct FTPProbe: Probe {
  private let target: ProbeTarget
  private let isImplicit: Bool
  private let options: ProbeOptions
  /// `user:password@` of the URL.
  private let account: (name: String, password: String)?

  init(_ url: String, isImplicit: Bool, _ options: ProbeOptions) throws {
    var plain = url
    var account: (name: String, password: String)?
    if let start = url.firstRange(of: "://")?.upperBound {
      let authority = url[start...].prefix { $0 != "/" }
      if let at = authority.lastIndex(of: "@") {
        let words = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = words.map { $0.removingPercentEncoding ?? String($0) }
        account = (parts[0], parts.count > 1 ? parts[1] : "")
        // The report shows the URL, and no secret.
        plain = String(url[..<start] + url[url.index(after: at)...])
      }
    }
    target = try ProbeTarget(plain, standardPort: isImplicit ? 990 : 21)
    self.isImplicit = isImplicit
    self.options = options
    self.account = account
  }

  func run() async -> ProbeReport {
    var report = ProbeReport(target.url)
    let start = NIODeadline.now()
    func elapsed() -> Int64 { (NIODeadline.now() - start).nanoseconds }
    do {
      let endpoint = try target.endpoint()
      report.add("server", endpoint.description)
      var configuration = FTPClient.Configuration(encryption: isImplicit ? .implicit : .explicit)
      configuration.trustRoots = options.trustRoots
      configuration.serverName = IPAddress(target.host) == nil ? target.host : nil
      let client = try await Self.connect(endpoint, configuration, &report)
      report.add("greeting", await client.greeting.text, nanoseconds: elapsed())
      if let tls = await client.tls {
        report.add("TLS", tls.version, nanoseconds: elapsed())
        if let certificate = await client.certificate { report.add("certificate", certificate) }
      }
      let features = try await client.features()
      report.add("answer", features.isEmpty ? "no features" : features.joined(separator: ", "), nanoseconds: elapsed())
      if let account {
        try await client.logIn(account.name, password: account.password)
        report.add("log-in", account.name, nanoseconds: elapsed())
        let entries = try await client.list(target.path.joined(separator: "/"))
        report.add("folder", "\(entries.count) names", nanoseconds: elapsed())
        report.answer = entries.map {
          "\($0.isFolder ? "folder" : "file  ") \($0.size.map(String.init) ?? "-") "
            + String(decoding: $0.name, as: UTF8.self) + "\n"
        }.joined()
      }
      try await client.quit()
    } catch {
      report.failure = String(describing: error)
    }
    return report
  }

  /// With TLS; where the server has none, without it, which the report says.
  private static func connect(
    _ endpoint: Endpoint, _ configuration: FTPClient.Configuration, _ report: inout ProbeReport
  ) async throws -> FTPClient {
    do { return try await FTPClient.connect(to: endpoint, configuration: configuration) } catch let error
      as FTPClientError
    {
      guard let reply = error.reply, [500, 502, 504].contains(reply.code) else { throw error }
      report.add("TLS", "not offered (\(reply.code))")
      var plain = configuration
      plain.encryption = .none
      return try await FTPClient.connect(to: endpoint, configuration: plain)
    }
  }
}
