import IMAPCore
import Services

/// LIST and LSUB (RFC 9051 §6.3.9, RFC 5258, 5819, 6154, 8440, 9590).
extension CommandExecutor {
  /// A name that LIST may tell: a mailbox, or only a subscription.
  private struct Candidate {
    var name: MailboxName
    var entry: MailboxDirectory.Entry?
    var isSubscribed: Bool
    var hasChildren = false
  }

  func list(_ arguments: ListArguments, _ enabled: EnabledExtensions) async throws(IMAPFailure) -> CommandOutput {
    var output = CommandOutput(.ok("\(arguments.isLSUB ? "LSUB" : "LIST") completed"))
    if arguments.patterns == [[]], !arguments.isExtended {
      // An empty pattern asks for the separator alone.
      output.write {
        $0.append(contentsOf: "* \(arguments.isLSUB ? "LSUB" : "LIST") (\\Noselect) \"/\" \"\"\r\n".utf8)
      }
      return output
    }
    let patterns = try arguments.patterns.map { (pattern) throws(IMAPFailure) in
      try Self.pattern(arguments.reference, pattern, enabled)
    }
    let candidates = try await candidates()
    for candidate in candidates {
      let matches = patterns.contains { $0.matches(candidate.name.description) }
      guard let response = response(for: candidate, matches: matches, arguments, among: candidates) else { continue }
      output.write { response.write(to: &$0, isUTF8: enabled.hasUTF8Names) }
      guard let entry = candidate.entry else { continue }
      try await writeExtras(entry, arguments, enabled, &output)
    }
    return output
  }

  private static func pattern(
    _ reference: [UInt8], _ pattern: [UInt8], _ enabled: EnabledExtensions
  ) throws(IMAPFailure) -> ListPattern {
    // A pattern that begins with a namespace's mark stands for itself.
    let whole = pattern.first == UInt8(ascii: "#") ? pattern : reference + pattern
    guard let name = MailboxName(wire: whole, isUTF8: enabled.hasUTF8Names) else {
      throw IMAPFailure("The pattern is not in a form that stands for names", .cannot)
    }
    return ListPattern(name.description)
  }

  /// All names in order: mailboxes, then subscriptions without one, then nodes of the tree between them.
  private func candidates() async throws(IMAPFailure) -> [Candidate] {
    let (entries, subscriptions) = try await directory.all()
    let subscribed = Set(subscriptions.map { MailboxName($0) })
    var result = entries.map { Candidate(name: $0.name, entry: $0, isSubscribed: subscribed.contains($0.name)) }
    var known = Set(entries.map(\.name))
    for name in subscribed.sorted() where !known.contains(name) {
      result.append(Candidate(name: name, entry: nil, isSubscribed: true))
      known.insert(name)
    }
    var parents: Set<MailboxName> = []
    for candidate in result {
      var parent = candidate.name.parent
      while let name = parent, !parents.contains(name) {
        parents.insert(name)
        parent = name.parent
      }
    }
    for name in parents.sorted() where !known.contains(name) {
      result.append(Candidate(name: name, entry: nil, isSubscribed: false))
    }
    let withMailboxes = Set(entries.compactMap(\.name.parent))
    for index in result.indices {
      result[index].hasChildren =
        parents.contains(result[index].name)
        && (withMailboxes.contains(result[index].name)
          || entries.contains { $0.name.description.hasPrefix(result[index].name.description + "/") })
    }
    return result
  }

  private func response(
    for candidate: Candidate, matches: Bool, _ arguments: ListArguments, among all: [Candidate]
  ) -> ListResponse? {
    guard matches else { return nil }
    var isChosen = true
    if arguments.selectSubscribed { isChosen = candidate.isSubscribed }
    if arguments.selectSpecialUse { isChosen = isChosen && candidate.entry?.mailbox.specialUse != nil }
    if !arguments.selectSubscribed, candidate.entry == nil, !candidate.hasChildren { isChosen = false }
    var childInfo: [String] = []
    if !isChosen {
      // A parent of what was chosen is told as well: by LSUB as not selectable, by RECURSIVEMATCH with the reason.
      let prefix = candidate.name.description + "/"
      let hasChosen = all.contains { child in
        child.name.description.hasPrefix(prefix)
          && (arguments.selectSubscribed ? child.isSubscribed : true)
          && (arguments.selectSpecialUse ? child.entry?.mailbox.specialUse != nil : true)
      }
      guard hasChosen, arguments.recursiveMatch || arguments.isLSUB else { return nil }
      if arguments.isLSUB { return ListResponse(candidate.name, ["\\Noselect"], isLSUB: true) }
      childInfo = arguments.selectSubscribed ? ["SUBSCRIBED"] : ["SPECIAL-USE"]
    }
    var attributes: [String] = []
    if candidate.entry == nil {
      attributes.append(arguments.isLSUB ? "\\Noselect" : "\\NonExistent")
    }
    if !arguments.isLSUB {
      attributes.append(candidate.hasChildren ? "\\HasChildren" : "\\HasNoChildren")
      if candidate.isSubscribed, arguments.returnSubscribed { attributes.append("\\Subscribed") }
      if let use = candidate.entry?.mailbox.specialUse { attributes.append(use.rawValue) }
    }
    return ListResponse(candidate.name, attributes, isLSUB: arguments.isLSUB, childInfo: childInfo)
  }

  private func writeExtras(
    _ entry: MailboxDirectory.Entry, _ arguments: ListArguments, _ enabled: EnabledExtensions,
    _ output: inout CommandOutput
  ) async throws(IMAPFailure) {
    if !arguments.returnStatus.isEmpty, entry.rights.contains(.read) {
      output.write { writeStatus(entry, arguments.returnStatus, enabled, to: &$0) }
    }
    if arguments.returnMyRights {
      output.write { writeMyRights(entry, enabled, to: &$0) }
    }
    if !arguments.returnMetadata.isEmpty {
      let values = try await annotations(entry)
      let wanted = arguments.returnMetadata.map { ($0, values[$0]) }
      output.write { writeMetadata(entry.name, wanted, enabled, to: &$0) }
    }
  }
}
