import FoundationEssentials
import Services
import X509

/// The certificates on disk: one file each, keys sealed, written whole or not at all.
///
/// It keeps nothing in memory: several processes may use the same directory, one lock orders their changes. Its methods
/// are the verbs of `portside cert`. They block for some milliseconds.
///
/// ```
/// DIRECTORY/certificates/ID.json   DIRECTORY/requests/ID.json   DIRECTORY/authority.json   DIRECTORY/ca.pem
/// ```
public struct CertificateStore: Sendable {
  /// What the store needs from its surroundings.
  public struct Configuration: Sendable {
    /// Such as `/var/lib/portside/certificates`; made when it is missing, mode 0700.
    public var directory: String
    /// Where the root goes for clients to take; readable by all.
    public var authorityFile: String
    /// The organisation or domain, in the names of the internal authority.
    public var authorityName: String
    /// Where the system's trusted roots are looked for.
    public var systemRootPaths: [String]

    public init(
      directory: String, authorityName: String, authorityFile: String? = nil,
      systemRootPaths: [String] = TrustRoots.systemPaths
    ) {
      self.directory = directory
      self.authorityName = authorityName
      self.authorityFile = authorityFile ?? "\(directory)/ca.pem"
      self.systemRootPaths = systemRootPaths
    }
  }

  public let configuration: Configuration
  let encryption: KeyEncryption
  let clock: any Clock
  let directory: DurableDirectory
  let entries: DurableDirectory
  let requests: DurableDirectory

  /// Opens the store, and makes its directories.
  public init(
    _ configuration: Configuration, encryption: KeyEncryption, clock: any Clock
  ) throws(CertificateStoreError) {
    self.configuration = configuration
    self.encryption = encryption
    self.clock = clock
    directory = DurableDirectory(path: configuration.directory)
    entries = DurableDirectory(path: "\(configuration.directory)/certificates")
    requests = DurableDirectory(path: "\(configuration.directory)/requests")
    do {
      try directory.make()
      try directory.makePrivate()
      try entries.make()
      try requests.make()
    } catch {
      throw .storage("\(error)")
    }
  }

  // MARK: Reading

  /// `cert list`: everything, and what can't be used.
  public func list() throws(CertificateStoreError) -> CertificateListing {
    let now = clock.wallTime()
    let (certificates, broken) = try loadCertificates()
    let (waiting, brokenRequests) = try loadRequests()
    var listing = CertificateListing(
      certificates: certificates.map { $0.summary(now: now) }, requests: waiting.map(\.summary), authority: nil,
      broken: broken + brokenRequests)
    do {
      listing.authority = try loadAuthority().map { summary(of: $0.authority, now: now) }
    } catch {
      listing.broken.append(BrokenEntry(file: Self.authorityRecordName, reason: "\(CertificateStoreError(error))"))
    }
    return listing
  }

  /// `cert show`: one certificate, by its id or by a name that only it has.
  public func show(_ reference: String) throws(CertificateStoreError) -> CertificateDetails {
    try find(reference).details(clock.wallTime())
  }

  /// What TLS listeners present, the best first: those that are valid before others, newer before older. Files that can't
  /// be used are left out, and told of.
  public func identities() throws(CertificateStoreError) -> (identities: [TLSIdentity], broken: [BrokenEntry]) {
    let now = clock.wallTime()
    let (certificates, broken) = try loadCertificates()
    let ranked = certificates.map { stored in
      (stored, isValid: stored.leaf.notBefore <= now && now <= stored.leaf.notAfter)
    }.sorted { left, right in
      if left.isValid != right.isValid { return left.isValid }
      // What others issued is what clients trust of themselves.
      let (own, other) = (left.0.record.origin == .internalAuthority, right.0.record.origin == .internalAuthority)
      if own != other { return other }
      return (left.0.leaf.notBefore, right.0.record.id) > (right.0.leaf.notBefore, left.0.record.id)
    }
    return (ranked.map(\.0.identity), broken)
  }

  // MARK: Changing

  /// `cert remove`: a certificate, or a request that waits, with its key.
  public func remove(_ reference: String) throws(CertificateStoreError) {
    try locked {
      if requests.contains("\(reference).json"), Self.isID(reference) {
        try requests.remove("\(reference).json")
      } else {
        try entries.remove("\(try find(reference).record.id).json")
      }
    }
  }

  // MARK: Files

  static let authorityRecordName = "authority.json"

  /// Runs a change under the lock of the directory, and removes what crashed changes left before.
  func locked<Result>(_ body: () throws -> Result) throws(CertificateStoreError) -> Result {
    do {
      return try directory.withLock {
        try directory.removeLeftovers()
        try entries.removeLeftovers()
        try requests.removeLeftovers()
        return try body()
      }
    } catch {
      throw CertificateStoreError(error)
    }
  }

  /// All certificates that can be used, by id, and those that can't.
  func loadCertificates() throws(CertificateStoreError) -> ([StoredCertificate], [BrokenEntry]) {
    try loadAll(entries, "certificates") { id, bytes in
      let record = try RecordCodec.decode(CertificateRecord.self, bytes)
      guard record.id == id else { throw CertificateStoreError.storage("it is the file of '\(printable(record.id))'") }
      let chain = try RecordCodec.certificates(record.chain)
      guard let leaf = chain.first else { throw CertificateStoreError.storage("it holds no certificate") }
      let key = try ServerKey(
        pkcs8: encryption.open(Array(record.key), purpose: .certificateKey, name: record.id))
      guard key.belongs(to: leaf) else {
        throw CertificateStoreError.storage("key and certificate do not belong together")
      }
      return StoredCertificate(record: record, chain: chain, leaf: leaf, key: key)
    }
  }

  /// All requests that wait, by id, and those that can't be used.
  func loadRequests() throws(CertificateStoreError) -> ([StoredRequest], [BrokenEntry]) {
    try loadAll(requests, "requests") { id, bytes in
      let record = try RecordCodec.decode(RequestRecord.self, bytes)
      guard record.id == id else { throw CertificateStoreError.storage("it is the file of '\(printable(record.id))'") }
      let key = try ServerKey(pkcs8: encryption.open(Array(record.key), purpose: .requestKey, name: record.id))
      return StoredRequest(record: record, key: key)
    }
  }

  private func loadAll<Entry>(
    _ directory: DurableDirectory, _ folder: String, _ read: (_ id: String, _ bytes: [UInt8]) throws -> Entry
  ) throws(CertificateStoreError) -> ([Entry], [BrokenEntry]) {
    var entries: [Entry] = []
    var broken: [BrokenEntry] = []
    let names: [String]
    do { names = try directory.names() } catch { throw .storage("\(error)") }
    for name in names where name.hasSuffix(".json") {
      do {
        entries.append(try read(String(name.dropLast(5)), try directory.read(name)))
      } catch let error as DecodingError {
        // The error's own text can quote the file.
        _ = error
        broken.append(BrokenEntry(file: "\(folder)/\(printable(name))", reason: "it is not in the form of a record"))
      } catch let error as FileError where error.number == 2 {
        // Removed by another process since the directory was read.
        continue
      } catch {
        broken.append(BrokenEntry(file: "\(folder)/\(printable(name))", reason: "\(error)"))
      }
    }
    return (entries, broken)
  }

  /// A certificate by its id, or by a name that only it has.
  func find(_ reference: String) throws(CertificateStoreError) -> StoredCertificate {
    let (certificates, broken) = try loadCertificates()
    if let found = certificates.first(where: { $0.record.id == reference }) { return found }
    if let entry = broken.first(where: { $0.file == "certificates/\(reference).json" }) { throw .broken(entry) }
    guard let name = CertificateName(reference) else { throw .notFound(reference) }
    let found = certificates.filter { $0.leaf.names.contains(name) }
    guard let first = found.first else { throw .notFound(reference) }
    guard found.count == 1 else { throw .ambiguous(reference, ids: found.map(\.record.id)) }
    return first
  }

  /// Writes a certificate and its key, under the lock.
  func save(_ record: CertificateRecord, key: ServerKey) throws -> StoredCertificate {
    var record = record
    record.key = Data(try encryption.seal(key.pkcs8, purpose: .certificateKey, name: record.id))
    let chain = try RecordCodec.certificates(record.chain)
    guard let leaf = chain.first, key.belongs(to: leaf) else {
      throw CertificateStoreError.storage("key and certificate do not belong together")
    }
    try entries.write("\(record.id).json", try RecordCodec.encode(record))
    return StoredCertificate(record: record, chain: chain, leaf: leaf, key: key)
  }

  /// An id that no file has: the first name, and four random digits.
  func unusedID(_ names: [CertificateName]) -> String {
    let first = names.first?.description ?? "certificate"
    let readable = first.prefix(80).map { character -> String in
      switch character {
      case "*": "wildcard"
      case ":": "-"
      default: String(character)
      }
    }.joined()
    while true {
      let id = "\(readable)-\(hexadecimal((0..<2).map { _ in UInt8.random(in: .min ... .max) }))"
      if !entries.contains("\(id).json"), !requests.contains("\(id).json") { return id }
    }
  }

  /// Whether the text can be an id: a file name that leads nowhere else.
  static func isID(_ text: String) -> Bool {
    !text.isEmpty && !text.hasPrefix(".") && text.utf8.count <= 200 && !text.utf8.contains(UInt8(ascii: "/"))
      && !text.utf8.contains(0)
  }

  /// The names of a command, checked; each once.
  static func names(_ texts: [String]) throws(CertificateStoreError) -> [CertificateName] {
    var names: [CertificateName] = []
    for text in texts {
      guard let name = CertificateName(text) else { throw .badName(text) }
      if !names.contains(name) { names.append(name) }
    }
    guard !names.isEmpty else { throw .authority(.noNames) }
    return names
  }
}
