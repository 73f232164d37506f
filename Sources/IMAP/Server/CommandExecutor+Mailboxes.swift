import IMAPCore
import Services

/// CREATE, DELETE, RENAME, SUBSCRIBE and STATUS (RFC 9051 §6.3).
extension CommandExecutor {
  func create(_ name: MailboxName, _ uses: [String]) async throws(IMAPFailure) -> CommandOutput {
    // A trailing separator says that mailboxes will come below; the mailbox is made as well (RFC 9051 §6.3.4).
    let text = name.description.hasSuffix("/") ? String(name.description.dropLast()) : name.description
    let name = MailboxName(text)
    guard name.isUsable, let place = directory.place(name) else {
      throw IMAPFailure("No mailbox can have that name", .cannot)
    }
    var specialUse: SpecialUse?
    if let first = uses.first {
      guard uses.count == 1,
        let use = SpecialUse.allCases.first(where: { MailText.equalsIgnoringCase($0.rawValue, first) })
      else { throw IMAPFailure("There is no such use, or one mailbox can't have them all", .useAttribute) }
      specialUse = use
    }
    guard try await directory.mayCreate(at: place) else { throw .notPermitted }
    let use = specialUse
    do throws(StoreError) {
      let made = try await store.createMailbox(place.name, of: place.owner, specialUse: use, uidValidity: nil)
      noteOwnChange("create:\(name)")
      return CommandOutput(.ok("CREATE completed", ResponseCode("MAILBOXID (M\(made.id.number))")))
    } catch {
      if error.code == .conflict, use != nil, (try? await directory.find(name)) == nil {
        throw IMAPFailure("Another mailbox has that use", .useAttribute)
      }
      throw IMAPFailure(error)
    }
  }

  func delete(_ name: MailboxName) async throws(IMAPFailure) -> CommandOutput {
    let entry = try await directory.find(name, needing: .deleteMailbox)
    guard !entry.mailbox.isInbox else { throw IMAPFailure("The inbox can't be deleted", .cannot) }
    let id = entry.mailbox.id
    try await failing { () async throws(StoreError) in try await store.deleteMailbox(id) }
    noteOwnChange("delete:\(entry.name)")
    return CommandOutput(.ok("DELETE completed"))
  }

  func rename(_ old: MailboxName, _ new: MailboxName) async throws(IMAPFailure) -> CommandOutput {
    let entry = try await directory.find(old, needing: .deleteMailbox)
    guard new.isUsable, let place = directory.place(new) else {
      throw IMAPFailure("No mailbox can have that name", .cannot)
    }
    guard place.owner == entry.mailbox.owner else {
      throw IMAPFailure("A mailbox can't be given to somebody else", .cannot)
    }
    guard try await directory.mayCreate(at: place) else { throw .notPermitted }
    if place.name.hasPrefix(entry.mailbox.name + "/"), !entry.mailbox.isInbox {
      throw IMAPFailure("A mailbox can't go below itself", .cannot)
    }
    let id = entry.mailbox.id
    _ = try await failing { () async throws(StoreError) in try await store.renameMailbox(id, to: place.name) }
    noteOwnChange("rename:\(new)")
    return CommandOutput(.ok("RENAME completed"))
  }

  func subscribe(_ name: MailboxName, _ isWanted: Bool) async throws(IMAPFailure) -> CommandOutput {
    guard name.isUsable else { throw IMAPFailure("No mailbox can have that name", .cannot) }
    let names: Set<String> = [name.description]
    try await failing { () async throws(StoreError) in
      try await store.subscribe(account, adding: isWanted ? names : [], removing: isWanted ? [] : names)
    }
    noteOwnChange("subscribe:\(name)")
    return CommandOutput(.ok(isWanted ? "SUBSCRIBE completed" : "UNSUBSCRIBE completed"))
  }

  func status(
    _ name: MailboxName, _ items: [StatusItem], _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    let entry = try await directory.find(name, needing: .read)
    var output = CommandOutput(.ok("STATUS completed"))
    output.write { writeStatus(entry, items, enabled, to: &$0) }
    // Some clients ask about the mailbox that they have open: what they are told there must not run ahead of this.
    if conversation.view?.id == entry.mailbox.id { await announce(&output, allowsExpunge: true, enabled) }
    return output
  }

  /// `* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)`
  func writeStatus(
    _ entry: MailboxDirectory.Entry, _ items: [StatusItem], _ enabled: EnabledExtensions, to output: inout [UInt8]
  ) {
    let mailbox = entry.mailbox
    output.append(contentsOf: "* STATUS ".utf8)
    output.append(mailbox: entry.name, isUTF8: enabled.hasUTF8Names)
    output.append(contentsOf: " (".utf8)
    for (index, item) in items.enumerated() {
      if index > 0 { output.appendSpace() }
      output.append(contentsOf: item.rawValue.utf8)
      output.appendSpace()
      let number: UInt64
      switch item {
      case .messages: number = UInt64(clamping: mailbox.count)
      case .recent: number = 0
      case .uidNext: number = UInt64(mailbox.uidNext)
      case .uidValidity: number = UInt64(mailbox.uidValidity)
      case .unseen: number = UInt64(clamping: mailbox.unseen)
      case .deleted: number = UInt64(clamping: mailbox.deleted)
      case .size: number = UInt64(clamping: mailbox.size)
      case .highestModSequence: number = mailbox.highestModSeq
      case .deletedStorage: number = UInt64(clamping: (mailbox.deletedSize + 1023) / 1024)
      case .appendLimit: number = UInt64(IMAPLimits().message)
      case .mailboxID:
        output.append(contentsOf: "(M\(mailbox.id.number))".utf8)
        continue
      }
      output.append(decimal: number)
    }
    output.append(contentsOf: ")\r\n".utf8)
  }
}
