import IMAPCore
import Services

/// STORE, COPY, MOVE and EXPUNGE (RFC 9051 §6.4).
extension CommandExecutor {
  // MARK: STORE

  func storeFlags(
    _ set: SequenceSet, _ arguments: StoreArguments, byUID: Bool, _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    let view = try selected()
    guard !view.isReadOnly else { throw .readOnly }
    guard let all = view.places(of: set, byUID: byUID) else { throw .badSet }
    let (places, lowest) = limited(all, view)
    let change = try flagChange(arguments, view.rights)
    let uids = view.uids(at: places)
    let since = arguments.unchangedSince
    let result = try await failing { () async throws(StoreError) in
      try await store.store(change, to: uids, of: view.id, unchangedSince: since)
    }
    // What was asked for and not silenced is told even where nothing changed: programs count on it.
    var output = CommandOutput()
    noteOwn(result.changed, result.snapshot)
    await refresh()
    output.write { conversation.view?.writeNewKeywords(to: &$0) }
    let fresh = try selected()
    let isTold = !arguments.isSilent || enabled.contains(.condstore)
    if isTold {
      let told = uids.subtracting(result.modified)
      output.write { bytes in
        for range in places {
          for place in range {
            let message = fresh.message(at: place)
            guard told.contains(message.uid) else { continue }
            if arguments.isSilent {
              // Only the modification sequence, and only of what changed (RFC 7162 §3.1.3).
              guard result.changed.contains(message.uid) else { continue }
              MailboxView.writeRowStart(message, at: place, enabled, to: &bytes)
              if !enabled.contains(.uidOnly) { bytes.append(contentsOf: "UID \(message.uid) ".utf8) }
              bytes.append(contentsOf: "MODSEQ (\(message.modSeq)))\r\n".utf8)
            } else {
              fresh.writeFlags(of: message, at: place, enabled, withUID: byUID, to: &bytes)
            }
          }
        }
      }
    }
    await announce(&output, allowsExpunge: byUID, enabled)
    if since != nil, !result.modified.isEmpty {
      var failed = result.modified
      if !byUID { failed = UIDSet(failed.compactMap { fresh.number(of: $0) }) }
      if let lowest { output.write { $0.append(untagged: .no("Not all of them", messageLimit(reaching: lowest))) } }
      output.completion = .ok("Some were changed meanwhile", ResponseCode("MODIFIED \(failed)"))
    } else {
      output.completion = .ok("STORE completed", lowest.map { messageLimit(reaching: $0) })
    }
    return output
  }

  /// Rights decide which flags change; those that may not are left out, and none at all is an error (RFC 4314 §4).
  private func flagChange(_ arguments: StoreArguments, _ rights: MailboxRights) throws(IMAPFailure) -> FlagChange {
    var flags: MessageFlags = []
    var keywords: [String] = []
    for flag in arguments.flags {
      switch flag {
      case .seen: flags.insert(.seen)
      case .answered: flags.insert(.answered)
      case .flagged: flags.insert(.flagged)
      case .deleted: flags.insert(.deleted)
      case .draft: flags.insert(.draft)
      default: keywords.append(flag.description)
      }
    }
    if rights.isSuperset(of: [.seen, .write, .deleteMessages]) {
      return FlagChange(Self.mode(arguments.mode), flags, keywords: keywords)
    }
    var allowed: MessageFlags = []
    if rights.contains(.seen) { allowed.insert(.seen) }
    if rights.contains(.deleteMessages) { allowed.insert(.deleted) }
    if rights.contains(.write) { allowed.formUnion([.answered, .flagged, .draft]) } else { keywords = [] }
    let kept = flags.intersection(allowed)
    // Replacing all flags would also touch those that may not be touched.
    guard arguments.mode != .replace, !kept.isEmpty || !keywords.isEmpty else { throw .notPermitted }
    return FlagChange(Self.mode(arguments.mode), kept, keywords: keywords)
  }

  private static func mode(_ mode: StoreArguments.Mode) -> FlagChange.Mode {
    switch mode {
    case .replace: .replace
    case .add: .add
    case .remove: .remove
    }
  }

  // MARK: COPY and MOVE

  func copy(
    _ set: SequenceSet, _ name: MailboxName, byUID: Bool, moves: Bool, _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    let view = try selected()
    guard view.rights.contains(.read) else { throw .notPermitted }
    if moves {
      guard !view.isReadOnly, view.rights.isSuperset(of: [.deleteMessages, .expunge]) else { throw .readOnly }
    }
    guard let all = view.places(of: set, byUID: byUID) else { throw .badSet }
    let (places, lowest) = limited(all, view)
    // A copy is all or nothing; what is moved can be moved in parts.
    if let lowest, !moves { throw tooManyMessages(reaching: lowest) }
    let target = try await destination(name)
    guard target.rights.contains(.insert) else { throw .notPermitted }
    let uids = view.uids(at: places)
    let word = moves ? "MOVE" : "COPY"
    guard !uids.isEmpty else { return CommandOutput(.ok("\(word) completed, of no message")) }
    let (from, to) = (view.id, target.mailbox.id)
    let result = try await failing { () async throws(StoreError) in
      moves ? try await store.move(uids, from: from, to: to) : try await store.copy(uids, from: from, to: to)
    }
    var output = CommandOutput()
    let code: ResponseCode? =
      result.sources.isEmpty
      ? nil
      : ResponseCode("COPYUID \(result.uidValidity) \(UIDSet(result.sources)) \(UIDSet(result.copies))")
    if moves, let code {
      // Before the messages vanish, so that the client knows where they went (RFC 6851 §4.3).
      output.write { $0.append(untagged: .ok("Moved", code)) }
    }
    if to == view.id { noteOwnArrivals(result.copies) }
    await announce(&output, allowsExpunge: true, enabled)
    output.completion = .ok("\(word) completed", moves ? lowest.map { messageLimit(reaching: $0) } : code)
    return output
  }

  /// What this session put into its own mailbox is not told as news (RFC 5465 §5.2).
  func noteOwnArrivals(_ uids: [UInt32]) {
    guard conversation.notification != nil || !conversation.contexts.isEmpty else { return }
    conversation.ownArrivals = conversation.ownArrivals.union(UIDSet(uids))
  }

  /// A mailbox to put messages into; one that is missing can perhaps be made.
  func destination(_ name: MailboxName) async throws(IMAPFailure) -> MailboxDirectory.Entry {
    do throws(IMAPFailure) {
      return try await directory.find(name)
    } catch {
      guard error.completion.code == .nonexistent else { throw error }
      throw IMAPFailure("There is no such mailbox", name.isUsable ? .tryCreate : .nonexistent)
    }
  }

  // MARK: EXPUNGE

  func expunge(_ set: SequenceSet?, _ enabled: EnabledExtensions) async throws(IMAPFailure) -> CommandOutput {
    let view = try selected()
    guard !view.isReadOnly else { throw .readOnly }
    guard view.rights.contains(.expunge) else { throw .notPermitted }
    var uids = UIDSet.all
    var lowest: UInt32?
    if let set {
      guard let all = view.places(of: set, byUID: true) else { throw .badSet }
      // Only what is marked counts; EXPUNGE without a set has no limit (RFC 9738 §3.1).
      let marked = all.flatMap { $0.filter { view.message(at: $0).flags.contains(.deleted) } }.map { $0..<$0 + 1 }
      let (places, reached) = limited(marked, view)
      lowest = reached
      uids = view.uids(at: places)
    }
    let chosen = uids
    let result = try await failing { () async throws(StoreError) in
      try await store.expunge(chosen, of: view.id, onlyDeleted: true)
    }
    var output = CommandOutput()
    conversation.view?.observe(result.snapshot)
    await announce(&output, allowsExpunge: true, enabled)
    let code =
      enabled.contains(.qresync)
      ? ResponseCode("HIGHESTMODSEQ \(result.snapshot.mailbox.highestModSeq)") : nil
    if let lowest, code != nil {
      output.write { $0.append(untagged: .no("Not all of them", messageLimit(reaching: lowest))) }
    }
    output.completion = .ok("EXPUNGE completed", code ?? lowest.map { messageLimit(reaching: $0) })
    return output
  }
}
