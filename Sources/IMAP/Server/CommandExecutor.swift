import IMAPCore
import Services

/// Carries out the commands of one connection.
struct CommandExecutor {
  let store: any MailStore
  let identity: AccountIdentity
  let conversation: Conversation
  let now: WallTime
  let limits: IMAPLimits

  var directory: MailboxDirectory { MailboxDirectory(store: store, identity: identity) }
  var account: String { identity.name }

  func execute(
    _ command: Command, tag: [UInt8], _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    switch command {
    case .select(let arguments): return try await select(arguments, enabled)
    case .create(let name, let uses): return try await create(name, uses)
    case .delete(let name): return try await delete(name)
    case .rename(let old, let new): return try await rename(old, new)
    case .subscribe(let name, let isWanted): return try await subscribe(name, isWanted)
    case .list(let arguments): return try await list(arguments, enabled)
    case .status(let name, let items): return try await status(name, items, enabled)
    case .getQuota, .getQuotaRoot, .setQuota: return try await quota(command, enabled)
    case .getACL, .setACL, .deleteACL, .listRights, .myRights: return try await rights(command, enabled)
    case .getMetadata(let name, let entries, let options):
      return try await getMetadata(name, entries, options, enabled)
    case .setMetadata(let name, let entries): return try await setMetadata(name, entries)
    case .notify(let arguments): return try await notify(arguments, enabled)
    case .multiSearch(let query): return try await multiSearch(query, tag, enabled)
    case .makeURLs(let requests): return try await makeURLs(requests)
    case .resetURLKeys(let name, _): return try await resetURLKeys(name)
    case .fetchURLs(let urls): return try await fetchURLs(urls)
    default: return try await executeSelected(command, tag, enabled)
    }
  }

  /// Those about the selected mailbox. Each ends by telling what has happened to it.
  private func executeSelected(
    _ command: Command, _ tag: [UInt8], _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    switch command {
    case .close, .unselect: return try await close(expunges: command == .close)
    case .expunge(let set): return try await expunge(set, enabled)
    case .cancelUpdate(let tags): return cancelUpdates(tags)
    case .uidBatches(let batches): return try await uidBatches(batches, tag, enabled)
    case .search(let query, let byUID): return try await search(query, byUID: byUID, tag, enabled)
    case .sort(let query, let byUID): return try await sort(query, byUID: byUID, tag, enabled)
    case .thread(let query, let byUID): return try await thread(query, byUID: byUID, enabled)
    case .fetch(let set, let items, let modifiers, let byUID):
      return try await fetch(set, items, modifiers, byUID: byUID, enabled)
    case .store(let set, let arguments, let byUID):
      return try await storeFlags(set, arguments, byUID: byUID, enabled)
    case .copy(let set, let name, let byUID): return try await copy(set, name, byUID: byUID, moves: false, enabled)
    case .move(let set, let name, let byUID): return try await copy(set, name, byUID: byUID, moves: true, enabled)
    default:
      var output = CommandOutput(.ok("Done"))
      await announce(&output, allowsExpunge: true, enabled)
      return output
    }
  }

  // MARK: The selected mailbox

  func selected() throws(IMAPFailure) -> MailboxView {
    guard let view = conversation.view else { throw .noneSelected }
    return view
  }

  /// Looks at the newest state of the selected mailbox.
  func refresh() async {
    guard let view = conversation.view else { return }
    if let snapshot = store.current(view.id) {
      conversation.view?.observe(snapshot)
      return
    }
    do throws(StoreError) {
      conversation.view?.observe(try await store.snapshot(of: view.id))
    } catch {
      if error.code == .notFound { conversation.view?.observeRemoval() }
    }
  }

  /// Tells what has happened to the selected mailbox, as far as NOTIFY does not say otherwise.
  func announce(_ output: inout CommandOutput, allowsExpunge: Bool, _ enabled: EnabledExtensions) async {
    let group = conversation.notification.map { $0.selectedGroup }
    if let group {
      guard let events = group?.events, !events.isEmpty else { return }
    }
    await refresh()
    if let view = conversation.view, view.hasArrivals, !view.isReadOnly, !enabled.contains(.rev2) {
      // Whoever is told of a message first may call it recent (RFC 3501 §2.3.2).
      do throws(StoreError) {
        let recent = try await store.takeRecent(view.id)
        conversation.view?.recent = view.recent.union(recent)
      } catch {}
    }
    guard var view = conversation.view else { return }
    var told = MailboxDifference()
    output.write { bytes in
      let tellsFlags = group.map { $0?.events.contains(.flagChange) == true } ?? true
      told = view.announce(
        allowsExpunge: allowsExpunge, tellsFlags: tellsFlags, enabled, to: &bytes, beforeExpunge: tellGone)
    }
    conversation.view = view
    await tellDetails(told, group.flatMap { $0?.items } ?? [], enabled, &output)
  }

  /// What follows the news of messages: rows of those that came, and what searches that go on make of them.
  private func tellDetails(
    _ told: MailboxDifference, _ items: [FetchItem], _ enabled: EnabledExtensions, _ output: inout CommandOutput
  ) async {
    let looked = told.arrived.union(told.changed)
    guard !looked.isEmpty, !conversation.contexts.isEmpty || (!items.isEmpty && !told.arrived.isEmpty) else { return }
    do throws(IMAPFailure) {
      let arrived = told.arrived.subtracting(conversation.ownArrivals)
      let (more, lines) = try await updateContexts(looked, arrived: arrived)
      try await tellRows(arrived, items, more, enabled, &output)
      output.write { $0.append(contentsOf: lines) }
    } catch {
      // The store is away. What a search that goes on missed can't be told later: it ends.
      for context in conversation.contexts {
        output.write { bytes in
          bytes.append(contentsOf: "* NO [NOUPDATE ".utf8)
          bytes.append(string: context.tag)
          bytes.append(contentsOf: "] The store can't be reached\r\n".utf8)
        }
      }
      conversation.contexts = []
    }
  }

  private func tellRows(
    _ arrived: UIDSet, _ items: [FetchItem], _ more: [UInt32: [FetchItem]], _ enabled: EnabledExtensions,
    _ output: inout CommandOutput
  ) async throws(IMAPFailure) {
    let view = try selected()
    for uid in arrived {
      let wanted = items + (more[uid] ?? []).filter { !items.contains($0) }
      // A flood of arrivals is told by EXISTS alone: its client fetches what it wants.
      guard !wanted.isEmpty, let place = view.announced.messages.index(of: uid), output.count < FetchJob.bytes * 4
      else {
        continue
      }
      let job = FetchJob(
        places: [], items: wanted.contains(.uid) ? wanted : [.uid] + wanted, changedSince: nil, byUID: true,
        enabled: enabled, setsSeen: false)
      let message = view.message(at: place)
      let digest = wanted.contains(where: \.needsDigest) ? try await digests(of: [message]).first ?? nil : nil
      let row = FetchRow(
        view: view, store: store, message: message, place: place, job: job, digest: digest, isMarked: false)
      _ = row.write(to: &output)
    }
  }

  /// IDLE, and between commands of who said NOTIFY: returns when there is something to tell, or when it is over.
  func watch(_ enabled: EnabledExtensions, isIdle: Bool) async -> CommandOutput {
    let isImmediate = conversation.notification?.selectedGroup?.filter == .selected
    while true {
      var output = CommandOutput()
      await announce(&output, allowsExpunge: isIdle || isImmediate, enabled)
      await tellNotifications(enabled, &output)
      var hasEnded = false
      if case .listening(false) = output.effect { hasEnded = true }
      if !output.isEmpty || hasEnded || Task.isCancelled { return output }
      await conversation.signal.wait()
    }
  }
}
