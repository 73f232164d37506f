import IMAPCore
import Services

/// Carries out the commands of one connection.
struct CommandExecutor {
  let store: any MailStore
  let identity: AccountIdentity
  let conversation: Conversation
  let now: WallTime

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

  func announce(_ output: inout CommandOutput, allowsExpunge: Bool, _ enabled: EnabledExtensions) async {
    await refresh()
    if let view = conversation.view, view.hasArrivals, !view.isReadOnly, !enabled.contains(.rev2) {
      // Whoever is told of a message first may call it recent (RFC 3501 §2.3.2).
      do throws(StoreError) {
        let recent = try await store.takeRecent(view.id)
        conversation.view?.recent = view.recent.union(recent)
      } catch {}
    }
    output.write { conversation.view?.announce(allowsExpunge: allowsExpunge, enabled, to: &$0) }
  }

  /// IDLE: returns when there is something to tell, or when it is over.
  func watch(_ enabled: EnabledExtensions) async -> CommandOutput {
    while true {
      var output = CommandOutput()
      await announce(&output, allowsExpunge: true, enabled)
      if !output.isEmpty || Task.isCancelled { return output }
      await conversation.signal.wait()
    }
  }
}
