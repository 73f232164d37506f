import IMAPCore
import Services

/// QUOTA (RFC 9208), ACL (RFC 4314) and METADATA (RFC 5464).
extension CommandExecutor {
  // MARK: Quota

  func quota(_ command: Command, _ enabled: EnabledExtensions) async throws(IMAPFailure) -> CommandOutput {
    switch command {
    case .getQuotaRoot(let name):
      let entry = try await directory.find(name, needing: .read)
      var output = CommandOutput(.ok("GETQUOTAROOT completed"))
      output.write { bytes in
        bytes.append(contentsOf: "* QUOTAROOT ".utf8)
        bytes.append(mailbox: entry.name, isUTF8: enabled.hasUTF8Names)
        if entry.mailbox.owner == account { bytes.append(contentsOf: " \"\"".utf8) }
        bytes.appendLineEnd()
      }
      if entry.mailbox.owner == account { try await writeQuota(&output) }
      return output
    case .getQuota(let root):
      guard root.isEmpty else { throw IMAPFailure("There is no such quota root", .nonexistent) }
      var output = CommandOutput(.ok("GETQUOTA completed"))
      try await writeQuota(&output)
      return output
    default: throw IMAPFailure("Limits are set by the administrator", .noPermission)
    }
  }

  /// `* QUOTA "" (STORAGE 10 512)`, in units of 1,024 octets; without limits an empty list.
  private func writeQuota(_ output: inout CommandOutput) async throws(IMAPFailure) {
    let quota = try await failing { () async throws(StoreError) in try await store.quota(of: account) }
    var resources: [String] = []
    if let limit = quota.limitBytes { resources.append("STORAGE \((quota.usedBytes + 1023) / 1024) \(limit / 1024)") }
    if let limit = quota.limitMessages { resources.append("MESSAGE \(quota.usedMessages) \(limit)") }
    output.write { $0.append(contentsOf: "* QUOTA \"\" (\(resources.joined(separator: " ")))\r\n".utf8) }
  }

  // MARK: Access lists

  func rights(_ command: Command, _ enabled: EnabledExtensions) async throws(IMAPFailure) -> CommandOutput {
    switch command {
    case .myRights(let name):
      let entry = try await directory.find(name)
      var output = CommandOutput(.ok("MYRIGHTS completed"))
      output.write { writeMyRights(entry, enabled, to: &$0) }
      return output
    case .getACL(let name):
      let entry = try await directory.find(name, needing: .administer)
      var output = CommandOutput(.ok("GETACL completed"))
      output.write { bytes in
        bytes.append(contentsOf: "* ACL ".utf8)
        bytes.append(mailbox: entry.name, isUTF8: enabled.hasUTF8Names)
        if entry.mailbox.owner != Mailbox.publicOwner {
          write(entry.mailbox.owner, .all, to: &bytes)
        }
        for (identifier, rights) in entry.mailbox.accessList.sorted(by: { $0.key < $1.key }) {
          write(identifier, rights, to: &bytes)
        }
        bytes.appendLineEnd()
      }
      return output
    case .listRights(let name, let identifier):
      let entry = try await directory.find(name, needing: .administer)
      var output = CommandOutput(.ok("LISTRIGHTS completed"))
      output.write { bytes in
        bytes.append(contentsOf: "* LISTRIGHTS ".utf8)
        bytes.append(mailbox: entry.name, isUTF8: enabled.hasUTF8Names)
        bytes.appendSpace()
        bytes.append(astring: Array(identifier.utf8))
        // The owner has all rights always; everybody else may be given each.
        bytes.append(
          contentsOf: (identifier == entry.mailbox.owner
            ? " lrswipkxtea" : " \"\" l r s w i p k x t e a").utf8)
        bytes.appendLineEnd()
      }
      return output
    case .setACL(let name, let identifier, let rights):
      try await setRights(name, identifier, rights)
      return CommandOutput(.ok("SETACL completed"))
    case .deleteACL(let name, let identifier):
      try await setRights(name, identifier, "")
      return CommandOutput(.ok("DELETEACL completed"))
    default: throw IMAPFailure(bad: "There is no such command")
    }
  }

  private func write(_ identifier: String, _ rights: MailboxRights, to bytes: inout [UInt8]) {
    bytes.appendSpace()
    bytes.append(astring: Array(identifier.utf8))
    bytes.appendSpace()
    bytes.append(astring: Array(rights.letters.utf8))
  }

  func writeMyRights(_ entry: MailboxDirectory.Entry, _ enabled: EnabledExtensions, to output: inout [UInt8]) {
    output.append(contentsOf: "* MYRIGHTS ".utf8)
    output.append(mailbox: entry.name, isUTF8: enabled.hasUTF8Names)
    output.appendSpace()
    output.append(astring: Array(entry.rights.letters.utf8))
    output.appendLineEnd()
  }

  private func setRights(_ name: MailboxName, _ identifier: String, _ change: String) async throws(IMAPFailure) {
    let entry = try await directory.find(name, needing: .administer)
    let isAddition = change.hasPrefix("+")
    let isRemoval = change.hasPrefix("-")
    let letters = isAddition || isRemoval ? String(change.dropFirst()) : change
    guard let given = MailboxRights(letters: letters) else { throw IMAPFailure(bad: "There is no such right") }
    guard identifier != entry.mailbox.owner else {
      throw IMAPFailure("The owner's rights can't be changed", .cannot)
    }
    let before = entry.mailbox.accessList[identifier] ?? []
    let after = isAddition ? before.union(given) : isRemoval ? before.subtracting(given) : given
    let id = entry.mailbox.id
    try await failing { () async throws(StoreError) in try await store.setRights(after, of: identifier, on: id) }
  }

  // MARK: Annotations

  func annotations(_ entry: MailboxDirectory.Entry?) async throws(IMAPFailure) -> [String: [UInt8]] {
    let id = entry?.mailbox.id
    let owner = entry?.mailbox.owner ?? account
    let all = try await failing { () async throws(StoreError) in
      try await store.metadata(of: id, account: owner, user: account)
    }
    return all.filter { !$0.key.hasPrefix(Self.hiddenEntries) }
  }

  /// What the server keeps for itself beside annotations: the marks of imports, and the keys of URLs.
  static let hiddenEntries = "/private/vendor/portside/"

  func getMetadata(
    _ name: MailboxName?, _ entries: [String], _ options: MetadataOptions, _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    var target: MailboxDirectory.Entry?
    if let name { target = try await directory.find(name, needing: .read) }
    let values = try await annotations(target)
    var found: [(String, [UInt8]?)] = []
    var longest = 0
    for entry in entries {
      let matching = values.filter { key, _ in
        if key == entry { return true }
        guard options.depth != .zero, key.hasPrefix(entry + "/") else { return false }
        return options.depth == .infinity || !key.dropFirst(entry.count + 1).contains("/")
      }
      for (key, value) in matching.sorted(by: { $0.key < $1.key }) {
        if let limit = options.maximumSize, UInt64(value.count) > limit {
          longest = max(longest, value.count)
        } else {
          found.append((key, value))
        }
      }
      if matching.isEmpty, options.depth == .zero { found.append((entry, nil)) }
    }
    var output = CommandOutput(
      .ok("GETMETADATA completed", longest > 0 ? ResponseCode("METADATA LONGENTRIES \(longest)") : nil))
    if !found.isEmpty {
      output.write { writeMetadata(target?.name ?? MailboxName(""), found, enabled, to: &$0) }
    }
    return output
  }

  /// `* METADATA INBOX (/shared/comment "text")`
  func writeMetadata(
    _ name: MailboxName, _ values: [(String, [UInt8]?)], _ enabled: EnabledExtensions, to output: inout [UInt8]
  ) {
    output.append(contentsOf: "* METADATA ".utf8)
    output.append(mailbox: name, isUTF8: enabled.hasUTF8Names)
    output.append(contentsOf: " (".utf8)
    for (index, (key, value)) in values.enumerated() {
      if index > 0 { output.appendSpace() }
      output.append(astring: Array(key.utf8))
      output.appendSpace()
      output.append(nstring: value, allowsUTF8: enabled.hasUTF8Names)
    }
    output.append(contentsOf: ")\r\n".utf8)
  }

  func setMetadata(_ name: MailboxName?, _ entries: [MetadataEntry]) async throws(IMAPFailure) -> CommandOutput {
    var target: MailboxDirectory.Entry?
    if let name { target = try await directory.find(name, needing: .lookup) }
    for entry in entries {
      guard entry.name.hasPrefix("/private/") || entry.name.hasPrefix("/shared/") else {
        throw IMAPFailure(bad: "An entry begins with /private/ or /shared/")
      }
      guard !entry.name.hasPrefix(Self.hiddenEntries) else { throw .notPermitted }
      if target == nil, entry.name.contains("/filters/values/"), let value = entry.value {
        guard SearchKey(stored: value) != nil else { throw IMAPFailure("That is no search", .cannot) }
      }
      // What all see, only those change who may write (RFC 5464 §3.3).
      if entry.name.hasPrefix("/shared/"), let target, !target.rights.contains(.write) { throw .notPermitted }
    }
    let id = target?.mailbox.id
    let owner = target?.mailbox.owner ?? account
    var changes: [String: [UInt8]?] = [:]
    for entry in entries { changes.updateValue(entry.value, forKey: entry.name) }
    let values = changes
    do throws(StoreError) {
      try await store.setMetadata(values, of: id, account: owner, user: account)
    } catch {
      if error.code == .limitReached {
        throw IMAPFailure("Too many annotations, or one that is too long", ResponseCode("METADATA TOOMANY"))
      }
      throw IMAPFailure(error)
    }
    let told = entries.map(\.name).sorted().joined(separator: " ")
    noteOwnChange("metadata:\(target?.name ?? MailboxName("")):\(told)")
    return CommandOutput(.ok("SETMETADATA completed"))
  }
}
