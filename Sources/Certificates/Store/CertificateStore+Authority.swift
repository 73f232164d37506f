import FoundationEssentials
import Services
import SwiftASN1
import X509

extension CertificateStore {
  /// `cert issue`: a certificate of the internal authority, with a key of its own. The authority is made when there is
  /// none yet. `services` empty: for all of them.
  public func issue(
    names: [String], services: Set<ServiceName> = [], days: Int = PrivateAuthority.leafDays
  ) throws(CertificateStoreError) -> CertificateSummary {
    let names = try Self.names(names)
    return try locked { try issueLocked(names, services, days).summary(now: clock.wallTime()) }
  }

  /// The certificate that is there already for exactly these services and at least these names, as long as it need not be
  /// renewed; otherwise one is issued. For the first start.
  public func ensure(
    names: [String], services: Set<ServiceName> = []
  ) throws(CertificateStoreError) -> CertificateSummary {
    let names = try Self.names(names)
    return try locked {
      let now = clock.wallTime()
      for stored in try loadCertificates().0 where Set(stored.record.services) == services {
        let isCurrent = now >= stored.leaf.notBefore && !isRenewalDue(stored.leaf, now: now)
        if isCurrent, names.allSatisfy(stored.leaf.names.contains) { return stored.summary(now: now) }
      }
      return try issueLocked(names, services, PrivateAuthority.leafDays).summary(now: now)
    }
  }

  /// `cert renew`: a certificate of the internal authority anew, with a new key; at once, due or not.
  public func renew(_ reference: String) throws(CertificateStoreError) -> CertificateSummary {
    try locked {
      let stored = try find(reference)
      guard stored.record.origin == .internalAuthority else {
        throw CertificateStoreError.notRenewable(id: stored.record.id, origin: stored.record.origin)
      }
      return try renewLocked(stored).summary(now: clock.wallTime())
    }
  }

  /// Renews what the internal authority issued and what is due, and names what others must renew. For a timer: hours
  /// between two calls are fine. One failure does not stop the rest.
  public func renewDue() throws(CertificateStoreError) -> [RenewalResult] {
    try locked {
      let now = clock.wallTime()
      let authority = try? loadAuthority()?.authority
      var results: [RenewalResult] = []
      for stored in try loadCertificates().0 {
        let isOfFormerAuthority =
          stored.record.origin == .internalAuthority && authority.map { !$0.hasIssued(stored.chain) } ?? false
        guard isRenewalDue(stored.leaf, now: now) || isOfFormerAuthority else { continue }
        results.append(
          RenewalResult(
            id: stored.record.id, names: stored.leaf.names.map(\.description), outcome: outcome(stored, now)))
      }
      if let authority, isEndingSoon(authority, now) {
        results.append(
          RenewalResult(
            id: "authority", names: [],
            outcome: .attentionNeeded(
              reason: "the internal authority's root ends at \(authority.rootEnd.text); make a new one (portside cert "
                + "renew --authority) and have clients trust it")))
      }
      return results
    }
  }

  /// The internal authority; it is made when there is none yet, and its root written for clients.
  public func authority() throws(CertificateStoreError) -> AuthoritySummary {
    try locked { summary(of: try currentAuthority(), now: clock.wallTime()) }
  }

  /// `cert renew --authority`: a new root and intermediate. Clients must trust the new root; the file for them holds the
  /// former ones too until they end. What the former authority issued is issued anew by the next `renewDue`.
  public func replaceAuthority() throws(CertificateStoreError) -> AuthoritySummary {
    try locked {
      let now = clock.wallTime()
      var former: [String] = []
      // A record that can't be opened (its key is lost) must not stand in the way of a new one.
      if let bytes = try? directory.read(Self.authorityRecordName),
        let record = try? RecordCodec.decode(AuthorityRecord.self, bytes)
      {
        former = ([record.root] + record.formerRoots).filter { pem in
          (try? RecordCodec.certificates(pem).first).map { $0.notAfter > now } ?? false
        }
      }
      let authority = try PrivateAuthority.make(name: configuration.authorityName, now: now)
      try save(authority, formerRoots: former)
      return summary(of: authority, now: now)
    }
  }

  // MARK: Under the lock

  private func issueLocked(
    _ names: [CertificateName], _ services: Set<ServiceName>, _ days: Int
  ) throws -> StoredCertificate {
    let now = clock.wallTime()
    let key = ServerKey.generate()
    let chain = try currentAuthority().issue(names: names, key: key, days: days, now: now)
    let record = CertificateRecord(
      id: unusedID(names), origin: .internalAuthority, services: services.sorted { $0.rawValue < $1.rawValue },
      since: now.seconds, days: days, chain: RecordCodec.pem(chain), key: Data())
    return try save(record, key: key)
  }

  private func renewLocked(_ stored: StoredCertificate) throws -> StoredCertificate {
    let key = ServerKey.generate()
    var record = stored.record
    let chain = try currentAuthority().issue(
      names: stored.leaf.names, key: key, days: record.days ?? PrivateAuthority.leafDays, now: clock.wallTime())
    record.chain = RecordCodec.pem(chain)
    return try save(record, key: key)
  }

  private func outcome(_ stored: StoredCertificate, _ now: WallTime) -> RenewalResult.Outcome {
    switch stored.record.origin {
    case .internalAuthority:
      do {
        return .renewed(notAfter: try renewLocked(stored).leaf.notAfter.text)
      } catch {
        return .failed(reason: "\(CertificateStoreError(error))")
      }
    case .imported, .acme:
      let end = stored.leaf.notAfter
      let verb = now > end ? "expired" : "expires"
      return .attentionNeeded(reason: "it \(verb) at \(end.text), and is renewed by whoever issued it")
    }
  }

  /// The authority, made or with its intermediate renewed where that is due.
  func currentAuthority() throws -> PrivateAuthority {
    let now = clock.wallTime()
    guard let (loaded, former) = try loadAuthority() else {
      let made = try PrivateAuthority.make(name: configuration.authorityName, now: now)
      try save(made, formerRoots: [])
      return made
    }
    var authority = loaded
    if authority.needsIntermediate(now: now), now < authority.rootEnd {
      try authority.renewIntermediate(now: now)
      try save(authority, formerRoots: former)
    } else {
      try exportRoot(authority, former)
    }
    return authority
  }

  /// `nil` when none was made yet.
  func loadAuthority() throws -> (authority: PrivateAuthority, formerRoots: [String])? {
    guard directory.contains(Self.authorityRecordName) else { return nil }
    let record: AuthorityRecord
    do {
      record = try RecordCodec.decode(AuthorityRecord.self, try directory.read(Self.authorityRecordName))
    } catch is DecodingError {
      throw CertificateStoreError.broken(
        BrokenEntry(file: Self.authorityRecordName, reason: "it is not in the form of a record"))
    }
    let root = try issuer(record.root, record.rootKey, "root")
    let intermediate = try issuer(record.intermediate, record.intermediateKey, "intermediate")
    return (PrivateAuthority(root: root, intermediate: intermediate), record.formerRoots)
  }

  private func issuer(_ pem: String, _ sealed: Data, _ name: String) throws -> PrivateAuthority.Issuer {
    let key = try ServerKey(pkcs8: encryption.open(Array(sealed), purpose: .authorityKey, name: name))
    guard let certificate = try RecordCodec.certificates(pem).first, key.belongs(to: certificate) else {
      throw CertificateStoreError.broken(
        BrokenEntry(file: Self.authorityRecordName, reason: "key and certificate of the \(name) do not belong together")
      )
    }
    return PrivateAuthority.Issuer(certificate: certificate, key: key)
  }

  private func save(_ authority: PrivateAuthority, formerRoots: [String]) throws {
    let record = AuthorityRecord(
      root: authority.rootPEM,
      rootKey: Data(try encryption.seal(authority.root.key.pkcs8, purpose: .authorityKey, name: "root")),
      intermediate: PEMBlock(label: "CERTIFICATE", bytes: try encoded(authority.intermediate.certificate)).text,
      intermediateKey: Data(
        try encryption.seal(authority.intermediate.key.pkcs8, purpose: .authorityKey, name: "intermediate")),
      formerRoots: formerRoots)
    try directory.write(Self.authorityRecordName, try RecordCodec.encode(record))
    try exportRoot(authority, formerRoots)
  }

  /// Writes the roots for clients, unless they are there already.
  private func exportRoot(_ authority: PrivateAuthority, _ formerRoots: [String]) throws {
    let bytes = Array((authority.rootPEM + formerRoots.joined()).utf8)
    let path = configuration.authorityFile
    if let present = try? DurableDirectory.readFile(path, limit: 1 << 20), present.bytes == bytes { return }
    let slash = path.lastIndex(of: "/")
    let folder = DurableDirectory(path: slash.map { String(path[..<$0]) } ?? ".")
    try folder.make()
    try folder.write(slash.map { String(path[path.index(after: $0)...]) } ?? path, bytes, mode: 0o644)
  }

  func summary(of authority: PrivateAuthority, now: WallTime) -> AuthoritySummary {
    let root = authority.root.certificate
    let intermediate = authority.intermediate.certificate
    return AuthoritySummary(
      root: root.subjectText, rootNotAfter: root.notAfter.text, rootFingerprint: root.fingerprint,
      intermediate: intermediate.subjectText, intermediateNotAfter: intermediate.notAfter.text,
      file: configuration.authorityFile, endsSoon: isEndingSoon(authority, now))
  }

  private func isEndingSoon(_ authority: PrivateAuthority, _ now: WallTime) -> Bool {
    authority.rootEnd < now + .days(365)
  }
}

extension PrivateAuthority {
  /// Whether a chain (leaf, intermediate) comes from this root.
  func hasIssued(_ chain: [Certificate]) -> Bool {
    guard let last = chain.last else { return false }
    return root.certificate.publicKey.isValidSignature(last.signature, for: last)
  }
}
