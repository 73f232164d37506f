import IMAPCore
import Services

/// NOTIFY (RFC 5465): what happens, told also between commands and of mailboxes that are not selected.
///
/// ```
/// C: b NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge)) (personal (MessageNew MessageExpunge MailboxName))
/// S: * STATUS Archive (MESSAGES 500 UIDNEXT 9999 UIDVALIDITY 4)
/// S: b OK NOTIFY completed
///    (Time passes. A message is delivered to Archive, and one to the selected mailbox.)
/// S: * STATUS Archive (MESSAGES 501 UIDNEXT 10000)
/// S: * 127 EXISTS
/// S: * 127 FETCH (UID 127001)
/// ```
extension CommandExecutor {
  func notify(_ arguments: NotifyArguments?, _ enabled: EnabledExtensions) async throws(IMAPFailure) -> CommandOutput {
    var output = CommandOutput()
    conversation.notification = nil
    guard let arguments else {
      output.effect = .listening(false)
      await announce(&output, allowsExpunge: true, enabled)
      output.completion = .ok("NOTIFY completed")
      return output
    }
    // What has gathered is told as NOOP would, before the new rules count.
    await announce(&output, allowsExpunge: true, enabled)
    let queue = NotificationQueue()
    let signal = conversation.signal
    var owners: Set<String> = [account, Mailbox.publicOwner]
    for entry in try await directory.all().entries { owners.insert(entry.mailbox.owner) }
    // Observed before it is looked at: nothing in between is missed.
    let observation = store.observe(owners) { change in
      queue.add(change)
      signal.raise()
    }
    var notification = Notification(arguments: arguments, changes: queue, observation: observation)
    let (entries, subscriptions) = try await directory.all()
    notification.subscriptions = subscriptions
    for entry in entries {
      notification.known[entry.mailbox.id] = .init(mailbox: entry.mailbox, name: entry.name, rights: entry.rights)
    }
    conversation.notification = notification
    if arguments.tellsStatus {
      for entry in entries where entry.mailbox.id != conversation.view?.id {
        let known = Notification.Known(mailbox: entry.mailbox, name: entry.name, rights: entry.rights)
        let events = notification.events(of: known, account: account)
        tellStatus(known, statusItems(events, isFirst: true, enabled), enabled, &output)
      }
    }
    tellInaccessible(notification, enabled, &output)
    output.effect = .listening(true)
    output.completion = .ok("NOTIFY completed")
    return output
  }

  /// Mailboxes that were named and may be seen but not read.
  private func tellInaccessible(
    _ notification: Notification, _ enabled: EnabledExtensions, _ output: inout CommandOutput
  ) {
    for known in notification.known.values.sorted(by: { $0.name < $1.name })
    where !known.rights.contains(.read) && !notification.events(of: known, account: account).isEmpty {
      output.write {
        ListResponse(known.name, ["\\NoAccess"]).write(to: &$0, isUTF8: enabled.hasUTF8Names)
      }
    }
  }

  private func statusItems(
    _ events: NotifyEvents, isFirst: Bool, _ enabled: EnabledExtensions
  ) -> [StatusItem] {
    var items: [StatusItem] = []
    if !events.isDisjoint(with: [.messageNew, .messageExpunge]) { items += [.messages, .uidNext] }
    if isFirst, events.contains(.messageNew) { items.append(.uidValidity) }
    if events.contains(.flagChange) { items += items.contains(.uidValidity) ? [.unseen] : [.uidValidity, .unseen] }
    if !items.isEmpty, enabled.contains(.condstore) || (isFirst && events.contains(.flagChange)) {
      items.append(.highestModSequence)
    }
    return items
  }

  private func tellStatus(
    _ known: Notification.Known, _ items: [StatusItem], _ enabled: EnabledExtensions, _ output: inout CommandOutput
  ) {
    guard !items.isEmpty, known.rights.isSuperset(of: [.lookup, .read]) else { return }
    let entry = MailboxDirectory.Entry(mailbox: known.mailbox, name: known.name, rights: known.rights)
    output.write { writeStatus(entry, items, enabled, to: &$0) }
  }

  // MARK: Afterwards

  /// Tells what has happened outside of the selected mailbox.
  func tellNotifications(_ enabled: EnabledExtensions, _ output: inout CommandOutput) async {
    guard let notification = conversation.notification else { return }
    guard let changes = notification.changes.take() else {
      conversation.notification = nil
      output.effect = .listening(false)
      output.write { bytes in
        bytes.append(untagged: .ok("More has happened than could be told", ResponseCode("NOTIFICATIONOVERFLOW")))
      }
      return
    }
    guard !changes.isEmpty else { return }
    var fresh: [MailboxID: Notification.Known] = [:]
    var subscriptions = notification.subscriptions
    do throws(IMAPFailure) {
      let (entries, names) = try await directory.all()
      subscriptions = names
      for entry in entries {
        fresh[entry.mailbox.id] = .init(mailbox: entry.mailbox, name: entry.name, rights: entry.rights)
      }
    } catch {
      // The store is away: what was taken is looked at again with the next change.
      return
    }
    var teller = NotificationTeller(
      executor: self, notification: notification, fresh: fresh, subscriptions: subscriptions, enabled: enabled)
    teller.tell(changes, &output)
    conversation.notification?.known = fresh
    conversation.notification?.subscriptions = subscriptions
  }

  /// Whether this session did it itself; each is asked once.
  func isOwn(_ change: String) -> Bool { conversation.ownChanges.remove(change) != nil }

  /// Notes what this session does, so that it is not told of it.
  func noteOwnChange(_ change: String) {
    guard conversation.notification != nil, conversation.ownChanges.count < 1_000 else { return }
    conversation.ownChanges.insert(change)
  }

  fileprivate func tellChanged(
    _ id: MailboxID, _ old: Notification.Known?, _ new: Notification.Known, _ events: NotifyEvents,
    _ enabled: EnabledExtensions, _ output: inout CommandOutput
  ) {
    guard id != conversation.view?.id, let old else { return }
    let (before, after) = (old.mailbox, new.mailbox)
    guard after.highestModSeq > before.highestModSeq else { return }
    let came = Int(after.uidNext &- before.uidNext)
    let went = before.count + came - after.count
    var told: NotifyEvents = []
    if came > 0 { told.insert(.messageNew) }
    if went > 0 { told.insert(.messageExpunge) }
    if came == 0, went <= 0 { told.insert(.flagChange) }
    if before.unseen != after.unseen, came == 0, went <= 0 { told.insert(.flagChange) }
    tellStatus(new, statusItems(told.intersection(events), isFirst: false, enabled), enabled, &output)
  }
}

/// Turns changes of the store into responses.
private struct NotificationTeller {
  let executor: CommandExecutor
  let notification: Notification
  let fresh: [MailboxID: Notification.Known]
  let subscriptions: Set<String>
  let enabled: EnabledExtensions
  /// Each mailbox is told once, however often it changed.
  private var messages: Set<MailboxID> = []
  private var names: Set<MailboxName> = []

  init(
    executor: CommandExecutor, notification: Notification, fresh: [MailboxID: Notification.Known],
    subscriptions: Set<String>, enabled: EnabledExtensions
  ) {
    self.executor = executor
    self.notification = notification
    self.fresh = fresh
    self.subscriptions = subscriptions
    self.enabled = enabled
  }

  private func events(_ known: Notification.Known) -> NotifyEvents {
    var whole = notification
    whole.subscriptions = subscriptions
    return whole.events(of: known, account: executor.account)
  }

  mutating func tell(_ changes: [MailChange], _ output: inout CommandOutput) {
    for change in changes {
      for mailbox in change.mailboxes where messages.insert(mailbox.id).inserted {
        guard let new = fresh[mailbox.id] else { continue }
        executor.tellChanged(mailbox.id, notification.known[mailbox.id], new, events(new), enabled, &output)
      }
      tellNames(change, &output)
      if change.account == executor.account {
        for name in change.subscriptions { tellSubscription(MailboxName(name), &output) }
      }
      tellMetadata(change, &output)
    }
  }

  private mutating func tellNames(_ change: MailChange, _ output: inout CommandOutput) {
    for (id, old) in change.renamed.sorted(by: { $0.value < $1.value }) {
      // Those below it are renamed with it, and not told.
      if change.renamed.values.contains(where: { old.hasPrefix($0 + "/") }) { continue }
      guard let new = fresh[id], let before = notification.known[id], events(new).contains(.mailboxName) else {
        continue
      }
      if executor.isOwn("rename:\(new.name)") { continue }
      tell(new.name, old: before.name, &output)
    }
    // Rights given or taken are, to who gets them, mailboxes that come or go.
    for id in change.created + change.deleted + change.attributes {
      let (before, after) = (notification.known[id], fresh[id])
      guard (before == nil) != (after == nil), let known = after ?? before, events(known).contains(.mailboxName) else {
        continue
      }
      let word = after == nil ? "delete" : "create"
      if executor.isOwn("\(word):\(known.name)") { continue }
      tell(known.name, old: nil, &output)
      if let parent = known.name.parent { tell(parent, old: nil, &output) }
    }
  }

  private func tellSubscription(_ name: MailboxName, _ output: inout CommandOutput) {
    let known = fresh.values.first { $0.name == name }
    let isChosen = notification.arguments.groups.contains { group in
      group.events.contains(.subscriptionChange)
        && (group.filter == .subscribed
          || group.filter.includes(
            name, isOwn: !name.description.hasPrefix("#"), subscriptions.union(notification.subscriptions)))
    }
    guard isChosen, !executor.isOwn("subscribe:\(name)") else { return }
    var attributes = known == nil ? ["\\NonExistent"] : []
    attributes += self.attributes(name)
    write(name, attributes, old: nil, &output)
  }

  private func attributes(_ name: MailboxName) -> [String] {
    let hasChildren = fresh.values.contains { $0.name.description.hasPrefix(name.description + "/") }
    var result = [hasChildren ? "\\HasChildren" : "\\HasNoChildren"]
    if subscriptions.contains(name.description) { result.append("\\Subscribed") }
    return result
  }

  private mutating func tell(_ name: MailboxName, old: MailboxName?, _ output: inout CommandOutput) {
    guard names.insert(name).inserted else { return }
    let exists = fresh.values.contains { $0.name == name }
    write(name, (exists ? [] : ["\\NonExistent"]) + attributes(name), old: old, &output)
  }

  private func write(
    _ name: MailboxName, _ attributes: [String], old: MailboxName?, _ output: inout CommandOutput
  ) {
    var response = ListResponse(name, attributes)
    response.oldName = old
    output.write { response.write(to: &$0, isUTF8: enabled.hasUTF8Names) }
  }

  private func tellMetadata(_ change: MailChange, _ output: inout CommandOutput) {
    for (id, entries) in change.metadata.sorted(by: { ($0.key?.number ?? 0) < ($1.key?.number ?? 0) }) {
      var name = MailboxName("")
      // Who wrote a private entry is not told; where others have rights too, it may have been one of them.
      var mayBePrivate = change.account == executor.account
      if let id {
        guard let known = fresh[id], known.rights.contains(.read), events(known).contains(.mailboxMetadataChange) else {
          continue
        }
        name = known.name
        mayBePrivate = mayBePrivate && known.mailbox.accessList.isEmpty
      } else {
        guard change.account == executor.account,
          notification.arguments.groups.contains(where: { $0.events.contains(.serverMetadataChange) })
        else { continue }
      }
      let told = entries.filter { entry in
        !entry.hasPrefix(CommandExecutor.hiddenEntries) && (mayBePrivate || entry.hasPrefix("/shared/"))
      }
      guard !told.isEmpty, !executor.isOwn("metadata:\(name):\(told.joined(separator: " "))") else { continue }
      output.write { bytes in
        bytes.append(contentsOf: "* METADATA ".utf8)
        bytes.append(mailbox: name, isUTF8: enabled.hasUTF8Names)
        for entry in told {
          bytes.appendSpace()
          bytes.append(astring: Array(entry.utf8))
        }
        bytes.appendLineEnd()
      }
    }
  }
}
