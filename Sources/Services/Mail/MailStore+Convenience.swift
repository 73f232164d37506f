extension MailStore {
  /// The inbox of an account.
  public func inbox(of account: String) async throws(StoreError) -> Mailbox {
    guard let inbox = try await mailboxes(of: account).mailbox(named: Mailbox.inboxName) else {
      throw StoreError(.corrupt, "an account has no inbox")
    }
    return inbox
  }

  public func createMailbox(_ name: String, of account: String) async throws(StoreError) -> Mailbox {
    try await createMailbox(name, of: account, specialUse: nil, uidValidity: nil)
  }

  public func stage() async throws(StoreError) -> any StagedMessage { try await stage(expecting: nil) }

  public func store(_ change: FlagChange, to uids: UIDSet, of id: MailboxID) async throws(StoreError)
    -> StoreFlagsResult
  {
    try await store(change, to: uids, of: id, unchangedSince: nil)
  }
}
