import FoundationEssentials
import Services
import SwiftASN1
import X509

/// What `portside cert import` was given.
public struct CertificateImportRequest: Sendable {
  /// PEM: the certificate and its intermediates in any order; the key may stand in the same file.
  public var chain: [UInt8]
  /// PEM. Without it (and without one in `chain`) the certificate must be for a request that waits.
  public var key: [UInt8]?
  public var passphrase: Secret?
  /// PEM: roots to trust beside the system's and the internal authority's.
  public var roots: [UInt8]?
  /// Names that the certificate must cover.
  public var names: [String]
  /// The services that will use it; empty for all, or for those of the request that waits.
  public var services: Set<ServiceName>
  /// The certificate whose place it takes.
  public var replacing: String?
  public var origin: CertificateOrigin

  public init(
    chain: [UInt8], key: [UInt8]? = nil, passphrase: Secret? = nil, roots: [UInt8]? = nil, names: [String] = [],
    services: Set<ServiceName> = [], replacing: String? = nil, origin: CertificateOrigin = .imported
  ) {
    self.chain = chain
    self.key = key
    self.passphrase = passphrase
    self.roots = roots
    self.names = names
    self.services = services
    self.replacing = replacing
    self.origin = origin
  }
}

extension CertificateStore {
  /// `cert request`: a key, kept here, and a request for an outside authority. `import` without a key finishes it.
  public func request(
    names: [String], services: Set<ServiceName> = [], organisation: String? = nil, key kind: ServerKey.Kind = .ecdsaP256
  ) throws(CertificateStoreError) -> CertificateRequestSummary {
    let names = try Self.names(names)
    return try locked {
      let key = try ServerKey.generate(kind)
      let id = unusedID(names)
      let record = RequestRecord(
        id: id, names: names, services: services.sorted { $0.rawValue < $1.rawValue },
        since: clock.wallTime().seconds,
        request: try CertificateRequestBuilder(names: names, organisation: organisation).request(for: key),
        key: Data(try encryption.seal(key.pkcs8, purpose: .requestKey, name: id)))
      try requests.write("\(id).json", try RecordCodec.encode(record))
      return StoredRequest(record: record, key: key).summary
    }
  }

  /// `cert import`: takes a certificate after all checks, or throws `.refused` with everything that was found.
  ///
  /// The same certificate imported again takes its own place.
  public func importCertificate(_ request: CertificateImportRequest) async throws(CertificateStoreError) -> ImportResult
  {
    let asked = request.names.isEmpty ? [] : try Self.names(request.names)
    let given = try givenKey(request)
    // The keys of requests are looked at only when none was given.
    let waiting = given == nil ? try loadRequests().0 : []
    let check = CertificateImport(roots: try trustedRoots(request), now: clock.wallTime())
    let report = await check.check(
      pem: request.chain, key: given, waitingKeys: waiting.map(\.key), askedNames: asked)
    guard report.isAcceptable, let leafDER = report.chain.first, let leaf = try? Certificate(derEncoded: leafDER) else {
      throw .refused(report.findings)
    }
    let answered = waiting.first { $0.key.belongs(to: leaf) }
    guard let key = given ?? answered?.key else { throw .refused([.keyMissing(subject: leaf.subjectText)]) }
    return try locked {
      let stored = try save(try record(request, report, leaf, answered), key: key)
      if let answered, requests.contains("\(answered.record.id).json") {
        try requests.remove("\(answered.record.id).json")
      }
      return ImportResult(certificate: stored.summary(now: clock.wallTime()), findings: report.findings.map(\.summary))
    }
  }

  private func record(
    _ request: CertificateImportRequest, _ report: CertificateImport.Report, _ leaf: Certificate,
    _ answered: StoredRequest?
  ) throws -> CertificateRecord {
    var record = CertificateRecord(
      id: answered?.record.id ?? unusedID(report.names), origin: request.origin,
      services: request.services.sorted { $0.rawValue < $1.rawValue }, since: clock.wallTime().seconds, days: nil,
      chain: RecordCodec.pem(report.chain), key: Data())
    if request.services.isEmpty, let answered { record.services = answered.record.services }
    let former =
      try request.replacing.map(find) ?? loadCertificates().0.first { $0.leaf.fingerprint == leaf.fingerprint }
    if let former {
      record.id = former.record.id
      record.since = former.record.since
      if record.services.isEmpty { record.services = former.record.services }
    }
    return record
  }

  private func givenKey(_ request: CertificateImportRequest) throws(CertificateStoreError) -> ServerKey? {
    do {
      if let key = request.key { return try ServerKey(pem: key, passphrase: request.passphrase) }
      let blocks = (try? PEM.blocks(in: request.chain)) ?? []
      guard blocks.contains(where: { $0.label.hasSuffix("PRIVATE KEY") }) else { return nil }
      return try ServerKey(pem: request.chain, passphrase: request.passphrase)
    } catch {
      throw .key(error)
    }
  }

  private func trustedRoots(_ request: CertificateImportRequest) throws(CertificateStoreError) -> TrustRoots {
    var roots = TrustRoots.system(paths: configuration.systemRootPaths)
    if let own = try? loadAuthority(), let der = try? encoded(own.authority.root.certificate) { roots.add(der) }
    guard let given = request.roots else { return roots }
    do {
      let added = try TrustRoots(pem: given)
      guard !added.isEmpty else { throw CertificateStoreError.refused([.noCertificate(found: ["the file of roots"])]) }
      roots.add(added)
      return roots
    } catch let error as PEMError {
      throw .refused([.unreadableFile(reason: "the file of roots: \(error)")])
    } catch {
      throw CertificateStoreError(error)
    }
  }
}
