import SMTPClient

/// A domain's word on mail in its name that proves nothing (RFC 7489), found by walking up the tree as its successor has
/// it: that needs no list of public suffixes.
struct DMARCCheck: Sendable {
  enum Result: String, Sendable {
    case pass, fail, none, temperror, permerror
  }

  enum Policy: String, Sendable {
    case none, quarantine, reject
  }

  struct Finding: Sendable {
    var result: Result
    var policy: Policy
    var domain: String
    /// Where the policy stands, and its tags.
    var published: (domain: String, tags: [String: String])?
    var isSPFAligned = false
    var isDKIMAligned = false
  }

  private static let maximumLabels = 8

  let resolver: any MailResolver

  private struct Record {
    var name: String
    var tags: [String: String]
  }

  /// - Parameters:
  ///   - spf: The domain for which SPF passed.
  ///   - dkim: The domains whose signatures passed.
  func check(from: String, spf: String?, dkim: [String]) async -> Finding {
    do throws(MailResolverError) {
      let walk = try await records(from)
      guard let record = walk.first else { return Finding(result: .none, policy: .none, domain: from) }
      let organisation = Self.organisation(from, walk)
      let isOwn = record.name == from
      let word = isOwn ? record.tags["p"] : record.tags["sp"] ?? record.tags["p"]
      guard let policy = Policy(rawValue: word?.lowercased() ?? "none") else {
        return Finding(result: .permerror, policy: .none, domain: from)
      }
      var finding = Finding(result: .fail, policy: policy, domain: from, published: (record.name, record.tags))
      if let spf {
        finding.isSPFAligned = try await aligned(
          spf, with: from, organisation, isStrict: record.tags["aspf"] == "s")
      }
      for domain in dkim where !finding.isDKIMAligned {
        finding.isDKIMAligned = try await aligned(
          domain, with: from, organisation, isStrict: record.tags["adkim"] == "s")
      }
      if finding.isSPFAligned || finding.isDKIMAligned { finding.result = .pass }
      return finding
    } catch {
      return Finding(result: .temperror, policy: .none, domain: from)
    }
  }

  private func aligned(
    _ domain: String, with from: String, _ organisation: String, isStrict: Bool
  ) async throws(MailResolverError) -> Bool {
    let domain = domain.lowercased()
    if domain == from { return true }
    // Two names with nothing in common but a top-level domain need no look-up.
    guard !isStrict, Self.tail(domain) == Self.tail(from) else { return false }
    return Self.organisation(domain, try await records(domain)) == organisation
  }

  private static func tail(_ domain: String) -> String { domain.split(separator: ".").suffix(2).joined(separator: ".") }

  /// The records of a name and of those above it, from the name itself upwards.
  private func records(_ domain: String) async throws(MailResolverError) -> [Record] {
    var labels = domain.split(separator: ".").map(String.init)[...]
    var found: [Record] = []
    var isFirst = true
    while !labels.isEmpty {
      let name = labels.joined(separator: ".")
      if labels.count > 1 || isFirst, let tags = try await record(name) { found.append(Record(name: name, tags: tags)) }
      if found.last?.tags["psd"] == "n" { break }
      labels = labels.count > Self.maximumLabels && isFirst ? labels.suffix(Self.maximumLabels - 1) : labels.dropFirst()
      isFirst = false
    }
    return found
  }

  private func record(_ name: String) async throws(MailResolverError) -> [String: String]? {
    do throws(MailResolverError) {
      let texts = try await resolver.texts(of: "_dmarc.\(name)").filter { $0.hasPrefix("v=DMARC1") }
      return texts.count == 1 ? DKIMVerifier.tags(texts[0]) : nil
    } catch {
      if case .temporary = error { throw error }
      return nil
    }
  }

  /// The highest name with a record that is no public suffix; the name itself without any.
  private static func organisation(_ domain: String, _ records: [Record]) -> String {
    guard let last = records.last else { return domain }
    if last.tags["psd"] == "y" {
      let depth = last.name.split(separator: ".").count
      return domain.split(separator: ".").suffix(depth + 1).joined(separator: ".")
    }
    return last.name
  }
}
