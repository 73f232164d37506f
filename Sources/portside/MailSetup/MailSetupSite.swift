import Configuration
import Foundation
import HTTPCore
import HTTPServer
import MailSetup
import NIOCore
import SMTPCore
import Supervision
import Transport

/// The web worker's side: settings for mail programs, and the policy of MTA-STS.
///
/// * `autoconfig.DOMAIN/mail/config-v1.1.xml`, `DOMAIN/.well-known/autoconfig/mail/config-v1.1.xml`: Thunderbird
/// * `autodiscover.DOMAIN/autodiscover/autodiscover.xml`, also below DOMAIN: Outlook
/// * `autoconfig.DOMAIN/mail/mail.mobileconfig?email=ann@DOMAIN`: Apple's devices
/// * `mta-sts.DOMAIN/.well-known/mta-sts.txt` (RFC 8461 §3.3), inside TLS only
final class MailSetupSite: SiteHandler {
  private let file: MailPublicationFile

  private init(_ file: MailPublicationFile) { self.file = file }

  // MARK: Into the server

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    guard whole.smtp.isActive, whole.smtp.publish.web else { return }
    part.smtp.domains = whole.smtp.domains
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    if !names(configuration).isEmpty { confinement.readPaths.append(folder.publication) }
  }

  /// The host names that it answers for; those that the configuration has sites for are left to them.
  static func names(_ configuration: PortsideConfiguration) -> [String] {
    guard configuration.smtp.isActive, configuration.http.isActive, configuration.smtp.publish.web else { return [] }
    return hosts(configuration)
  }

  private static func hosts(_ configuration: PortsideConfiguration) -> [String] {
    let own = Set(configuration.http.sites.keys.map { $0.description.lowercased() })
    return configuration.smtp.domains.flatMap { MailPublication.webNames($0.description.lowercased()) }
      .filter { !own.contains($0) }
  }

  /// The sites of the configuration, and ours: sites of their own, and paths within the sites of mail domains.
  static func adding(
    to sites: [SiteConfiguration], _ configuration: PortsideConfiguration
  ) -> [SiteConfiguration] {
    let names = hosts(configuration)
    guard !names.isEmpty else { return sites }
    let handler = MailSetupSite(MailPublicationFile(DataFolder(configuration).mailPublication))
    let domains = Set(configuration.smtp.domains.map { $0.description.lowercased() })
    let mounted = sites.map { site in
      var site = site
      guard site.names.contains(where: { domains.contains($0.lowercased()) }) else { return site }
      site.mounts += ["/.well-known/autoconfig/mail", "/autodiscover", "/Autodiscover"].map { Mount($0, handler) }
      return site
    }
    return mounted + [SiteConfiguration(names: names, content: .handler(handler))]
  }

  // MARK: Answers

  private enum Page {
    case thunderbird, outlook, apple, policy
  }

  private static func page(_ request: HTTPRequest, _ connection: Connection) -> Page? {
    let path = request.path.lowercased()
    switch request.host.prefix { $0 != "." } {
    case "mta-sts":
      return path == "/.well-known/mta-sts.txt" && connection.isEncrypted ? .policy : nil
    default:
      switch path {
      case "/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml": return .thunderbird
      case "/autodiscover/autodiscover.xml": return .outlook
      case "/mail/mail.mobileconfig": return .apple
      default: return nil
      }
    }
  }

  func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    guard let page = Self.page(request, connection), let publication = file.current, publication.isOnWeb else {
      return Pages.error(.notFound)
    }
    guard [.get, .head].contains(request.method) || page == .outlook && request.method == .post else {
      return Pages.error(.methodNotAllowed)
    }
    let domain = publication.domains.filter { request.host == $0.name || request.host.hasSuffix(".\($0.name)") }
      .max { $0.name.utf8.count < $1.name.utf8.count }
    guard let domain else { return Pages.error(.notFound) }
    switch page {
    case .policy:
      guard let policy = publication.policy else { return Pages.error(.notFound) }
      return Self.reply(policy.text, "text/plain")
    case .thunderbird: return Self.reply(publication.thunderbird(domain.name), "application/xml")
    case .apple:
      guard let address = SetupAddress(query: request.query), address.domain == domain.name,
        let profile = publication.appleProfile(address)
      else { return Pages.error(.badRequest) }
      return Self.reply(profile, "application/x-apple-aspen-config")
    case .outlook:
      // Some programs ask by GET, and put their own name in.
      let content = request.method == .post ? await Self.content(body) : []
      guard let content,
        let address = SetupAddress(autodiscover: content) ?? SetupAddress(query: request.query)
          ?? SetupAddress("\u{25}EMAILADDRESS%@\(domain.name)"), address.domain == domain.name
      else { return Pages.error(.badRequest) }
      return Self.reply(publication.outlook(address), "application/xml")
    }
  }

  private static func content(_ body: RequestBody) async -> [UInt8]? {
    var octets: [UInt8] = []
    do {
      for try await chunk in body {
        octets += Array(buffer: chunk)
        if octets.count > 16_384 { return nil }
      }
    } catch { return nil }
    return octets
  }

  private static func reply(_ text: String, _ type: String) -> HTTPReply {
    var fields = Fields()
    fields.append(.contentType, "\(type); charset=utf-8")
    return HTTPReply(.ok, fields: fields, content: .bytes(Array(text.utf8)))
  }
}
