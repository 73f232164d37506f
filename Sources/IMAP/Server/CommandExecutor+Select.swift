import IMAPCore
import Services

/// SELECT, EXAMINE, CLOSE and UNSELECT (RFC 9051 §6.3.2 ff., RFC 7162 §3.2.5).
extension CommandExecutor {
  func select(_ arguments: SelectArguments, _ enabled: EnabledExtensions) async throws(IMAPFailure) -> CommandOutput {
    var output = CommandOutput()
    if conversation.view != nil {
      output.write { $0.append(untagged: .ok("The mailbox before is closed", .closed)) }
      deselect()
    }
    output.effect = .unselected
    do throws(IMAPFailure) {
      if arguments.resynchronise != nil, !enabled.contains(.qresync) {
        throw IMAPFailure(bad: "Enable QRESYNC first")
      }
      let entry = try await directory.find(arguments.mailbox, needing: .read)
      try await open(entry, arguments, enabled, &output)
    } catch {
      output.completion = error.completion
    }
    return output
  }

  private func deselect() {
    conversation.view = nil
    conversation.job = nil
    conversation.contexts = []
    conversation.ownArrivals = UIDSet()
    conversation.stopFollowing()
  }

  private func open(
    _ entry: MailboxDirectory.Entry, _ arguments: SelectArguments, _ enabled: EnabledExtensions,
    _ output: inout CommandOutput
  ) async throws(IMAPFailure) {
    let id = entry.mailbox.id
    // Followed before it is read: nothing that happens in between is missed.
    conversation.follow(entry.mailbox, store)
    let snapshot = try await failing { () async throws(StoreError) in try await store.snapshot(of: id) }
    let writing: MailboxRights = [.seen, .write, .insert, .deleteMessages, .expunge]
    let isReadOnly = arguments.isReadOnly || entry.rights.isDisjoint(with: writing)
    var view = MailboxView(entry.name, snapshot, isReadOnly: isReadOnly, rights: entry.rights)
    if !isReadOnly, !enabled.contains(.rev2) {
      view.recent = try await failing { () async throws(StoreError) in try await store.takeRecent(id) }
    }
    let mailbox = snapshot.mailbox
    output.write { bytes in
      view.writeFlags(to: &bytes)
      bytes.append(untagged: UInt64(snapshot.messages.count), "EXISTS")
      if !enabled.contains(.rev2) {
        bytes.append(untagged: UInt64(view.recent.count), "RECENT")
        if let first = firstUnseen(snapshot) {
          bytes.append(untagged: .ok("The first unseen", ResponseCode("UNSEEN \(first)")))
        }
      }
      bytes.append(untagged: .ok("UIDs valid", ResponseCode("UIDVALIDITY \(mailbox.uidValidity)")))
      bytes.append(untagged: .ok("Predicted next UID", ResponseCode("UIDNEXT \(mailbox.uidNext)")))
      bytes.append(untagged: .ok("Highest", ResponseCode("HIGHESTMODSEQ \(mailbox.highestModSeq)")))
      bytes.append(untagged: .ok("Its id", ResponseCode("MAILBOXID (M\(id.number))")))
      if enabled.contains(.rev2) {
        ListResponse(entry.name, []).write(to: &bytes, isUTF8: enabled.hasUTF8Names)
      }
    }
    conversation.view = view
    if let known = arguments.resynchronise, known.uidValidity == mailbox.uidValidity {
      try await resynchronise(known, snapshot, view, enabled, &output)
    }
    output.effect = .selected
    output.completion = .ok(
      "\(arguments.isReadOnly ? "EXAMINE" : "SELECT") completed", isReadOnly ? .readOnly : .readWrite)
  }

  private func firstUnseen(_ snapshot: MailboxSnapshot) -> Int? {
    guard snapshot.mailbox.unseen > 0 else { return nil }
    var found: Int?
    snapshot.messages.forEach { place, message in
      if !message.flags.contains(.seen) { found = place + 1 }
      return found == nil
    }
    return found
  }

  /// What has happened since the client was here last: `* VANISHED (EARLIER) …` and the flags that changed.
  private func resynchronise(
    _ known: SelectArguments.Resynchronisation, _ snapshot: MailboxSnapshot, _ view: MailboxView,
    _ enabled: EnabledExtensions, _ output: inout CommandOutput
  ) async throws(IMAPFailure) {
    let vanished = try await vanished(snapshot, since: known.modSequence, among: known.knownUIDs)
    output.write { bytes in
      if !vanished.isEmpty { bytes.append(contentsOf: "* VANISHED (EARLIER) \(vanished)\r\n".utf8) }
      let wanted = known.knownUIDs.map { UIDSet(ranges: $0.numbers(largest: .max).ranges) }
      snapshot.messages.forEach { place, message in
        if message.modSeq > known.modSequence, wanted?.contains(message.uid) ?? true {
          view.writeFlags(of: message, at: place, enabled, to: &bytes)
        }
        return true
      }
    }
  }

  /// The UIDs that vanished after a modification sequence, as far as the client may know of them.
  func vanished(
    _ snapshot: MailboxSnapshot, since modSequence: UInt64, among known: SequenceSet?
  ) async throws(IMAPFailure) -> UIDSet {
    let id = snapshot.mailbox.id
    let all = try await failing { () async throws(StoreError) in
      try await store.vanished(from: id, since: modSequence)
    }
    guard let known else { return all }
    let largest = snapshot.mailbox.uidNext > 1 ? snapshot.mailbox.uidNext - 1 : 1
    return all.intersection(UIDSet(ranges: known.numbers(largest: largest).ranges))
  }

  func close(expunges: Bool) async throws(IMAPFailure) -> CommandOutput {
    let view = try selected()
    if expunges, !view.isReadOnly, view.rights.contains(.expunge) {
      _ = try await failing { () async throws(StoreError) in
        try await store.expunge(.all, of: view.id, onlyDeleted: true)
      }
    }
    deselect()
    var output = CommandOutput(.ok(expunges ? "CLOSE completed" : "UNSELECT completed"))
    output.effect = .unselected
    return output
  }
}
