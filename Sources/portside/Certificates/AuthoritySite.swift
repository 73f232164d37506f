import ACMECore
import ACMEServer
import Certificates
import Configuration
import Foundation
import NIOPosix
import Services

/// The private authority as an ACME server, as the configuration wants it.
enum AuthoritySite {
  /// `nil` without `tls.acme_server`.
  static func make(
    _ settings: WorkerSettings, _ certificates: CertificateService, clock: any Services.Clock, events: any EventSink
  ) throws -> ACMESite? {
    guard let section = settings.configuration.tls.acmeServer else { return nil }
    let days = max(1, Int(section.lifetime.components.seconds / 86_400))
    let store = certificates.store
    return ACMESite(
      ACMEServerConfiguration(
        networks: section.from, domains: section.domains.map(\.description),
        validationPort: UInt16(clamping: section.validationPort), binding: try binding(section, settings)),
      store: AuthorityFiles(folder: DataFolder(settings.configuration).certificates + "/acme"), clock: clock,
      events: events, validator: HTTPValidator(group: MultiThreadedEventLoopGroup.singleton),
      namesOfRequest: { CertificateRequestReader.names(der: $0) },
      issue: { request, names in
        let chain = try store.issue(request: request, names: names, days: days)
        return chain.map { PEMBlock(label: "CERTIFICATE", bytes: $0).text }.joined()
      })
  }

  private static func binding(
    _ section: ACMEServerSection, _ settings: WorkerSettings
  ) throws -> (keyID: String, secret: [UInt8])? {
    guard let id = section.bindingID, let secret = settings.acmeServerBinding else { return nil }
    let text = secret.withBytes { String(decoding: $0, as: UTF8.self) }
    guard let key = Base64URL.decode(text.trimmingCharacters(in: .whitespacesAndNewlines.union(["="]))) else {
      throw CommandFailure("tls.acme_server.binding_key is not in base64url")
    }
    return (id.description, key)
  }
}

/// The authority's accounts and orders: a file each, written whole or not at all.
struct AuthorityFiles: ACMEStore {
  let folder: String

  private func path(_ kind: String, _ id: String) -> String { "\(folder)/\(kind)/\(id).json" }

  func load(_ kind: String, _ id: String) -> [UInt8]? {
    FileManager.default.contents(atPath: path(kind, id)).map(Array.init)
  }

  func save(_ bytes: [UInt8], as kind: String, _ id: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(folder)/\(kind)", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try WholeFile.write(Data(bytes), to: path(kind, id))
  }

  func remove(_ kind: String, _ id: String) { unlink(path(kind, id)) }

  func all(_ kind: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(kind)")) ?? []
    return names.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }
  }
}
