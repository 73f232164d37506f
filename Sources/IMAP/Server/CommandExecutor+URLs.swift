import Crypto
import IMAPCore
import MessageCore
import Services

/// GENURLAUTH, RESETKEY and URLFETCH (RFC 4467): URLs by which others may read one message, or a part of it.
///
/// ```
/// C: a1 GENURLAUTH "imap://ann%40lab.test@mail.lab.test/INBOX/;UID=20/;SECTION=1.2;URLAUTH=user+bob%40lab.test" INTERNAL
/// S: * GENURLAUTH "imap://ann%40lab.test@mail.lab.test/INBOX/;UID=20/;SECTION=1.2;URLAUTH=user+bob%40lab.test:internal:01c4…"
/// S: a1 OK GENURLAUTH completed
///    (Bob:)
/// C: b1 URLFETCH "imap://ann%40lab.test@mail.lab.test/INBOX/;UID=20/;SECTION=1.2;URLAUTH=user+bob%40lab.test:internal:01c4…"
/// S: * URLFETCH "imap://…" {28}
/// S: Si vis pacem, para bellum.
/// S:
/// S: b1 OK URLFETCH completed
/// ```
/// A URL holds as long as its message, its `EXPIRE` and the key of its mailbox: RESETKEY makes a new one.
extension CommandExecutor {
  /// Where a mailbox's key is kept. No command shows it.
  private static let keyEntry = hiddenEntries + "urlauth"
  private static let algorithm = "01"

  func makeURLs(_ requests: [URLRequest]) async throws(IMAPFailure) -> CommandOutput {
    var output = CommandOutput()
    for request in requests {
      guard request.mechanism == "INTERNAL" else { throw IMAPFailure(bad: "INTERNAL is the only mechanism") }
      guard let url = MessageURL(request.url), url.user == account, let name = url.mailbox, url.token == nil,
        let access = url.access, Self.isUsable(access)
      else { throw IMAPFailure(bad: "That is no URL of a message of yours that could be given away") }
      let entry = try await directory.find(name, needing: .read)
      guard entry.mailbox.owner == account else { throw .notPermitted }
      if let validity = url.uidValidity, validity != entry.mailbox.uidValidity {
        throw IMAPFailure("The mailbox is another one by now", .badURL)
      }
      let token = Self.token(url.rump, try await key(of: entry.mailbox.id, owner: account, makes: true) ?? [])
      output.write { bytes in
        bytes.append(contentsOf: "* GENURLAUTH ".utf8)
        bytes.append(string: url.rump + Array(":internal:\(token)".utf8))
        bytes.appendLineEnd()
      }
    }
    output.completion = .ok("GENURLAUTH completed")
    return output
  }

  func resetURLKeys(_ name: MailboxName?) async throws(IMAPFailure) -> CommandOutput {
    var ids: [MailboxID] = []
    if let name {
      let entry = try await directory.find(name)
      guard entry.mailbox.owner == account else { throw .notPermitted }
      ids = [entry.mailbox.id]
    } else {
      let tree = try await failing { () async throws(StoreError) in try await store.mailboxes(of: account) }
      ids = tree.mailboxes.map(\.id)
    }
    for id in ids where try await key(of: id, owner: account, makes: false) != nil {
      try await failing { () async throws(StoreError) in
        try await store.setMetadata([Self.keyEntry: nil], of: id, account: account, user: account)
      }
    }
    return CommandOutput(.ok("All keys are new", name == nil ? nil : ResponseCode("URLMECH INTERNAL")))
  }

  func fetchURLs(_ urls: [[UInt8]]) async throws(IMAPFailure) -> CommandOutput {
    var output = CommandOutput()
    for url in urls {
      output.write { bytes in
        bytes.append(contentsOf: "* URLFETCH ".utf8)
        bytes.append(string: url)
        bytes.appendSpace()
      }
      // Whatever is wrong with it: who asks learns no more than that.
      if let parsed = MessageURL(url), parsed.token != nil, let (body, range) = try? await content(of: parsed) {
        FetchRow.send(body, range, to: &output)
      } else {
        output.write { $0.append(nstring: nil) }
      }
      output.write { $0.appendLineEnd() }
    }
    output.completion = .ok("URLFETCH completed")
    return output
  }

  // MARK: What a URL leads to

  /// Where the octets are: of a message of one's own, or of one that its owner lets this account read.
  func content(of url: MessageURL) async throws(IMAPFailure) -> (body: any MessageBody, range: Range<Int64>) {
    let failure = IMAPFailure("The URL leads to nothing", .badURL)
    guard let id = try await mailbox(of: url) else { throw failure }
    let snapshot = try await failing { () async throws(StoreError) in try await store.snapshot(of: id) }
    if let validity = url.uidValidity, validity != snapshot.mailbox.uidValidity { throw failure }
    guard let message = snapshot.messages.message(url.uid), let body = try? store.body(of: message) else {
      throw failure
    }
    var range = 0..<body.size
    if let section = url.section {
      guard let digest = try await digests(of: [message]).first ?? nil, let found = section.range(in: digest.root)
      else { throw failure }
      range = Int64(found.lowerBound)..<Int64(found.upperBound)
    }
    if let partial = url.partial { range = partial.range(in: range) }
    return (body, range)
  }

  private func mailbox(of url: MessageURL) async throws(IMAPFailure) -> MailboxID? {
    if url.token != nil { return try await authorizedMailbox(url) }
    guard url.access == nil, url.user == nil || url.user == account else { return nil }
    guard let name = url.mailbox else { return conversation.view?.id }
    return try await directory.find(name, needing: .read).mailbox.id
  }

  private func authorizedMailbox(_ url: MessageURL) async throws(IMAPFailure) -> MailboxID? {
    guard let owner = url.user, let name = url.mailbox, let access = url.access, let token = url.token,
      url.mechanism == "INTERNAL", mayUse(access)
    else { return nil }
    if let expires = url.expires, expires < now.seconds { return nil }
    // Only of who is there already: asking for another's mailboxes would make them.
    guard let tree = store.currentMailboxes(of: owner), let found = tree.mailbox(named: name.description),
      let key = try await key(of: found.id, owner: owner, makes: false)
    else { return nil }
    let expected = Self.token(url.rump, key)
    return Self.isSame(Array(expected.utf8), Array(token.lowercased().utf8)) ? found.id : nil
  }

  /// `submit+NAME` is not among them: no submission server reads by URLs here.
  private static func isUsable(_ access: String) -> Bool {
    let word = access.lowercased()
    return word == "anonymous" || word == "authuser" || (word.hasPrefix("user+") && word.utf8.count > 5)
  }

  private func mayUse(_ access: String) -> Bool {
    let word = access.lowercased()
    guard word.hasPrefix("user+") else { return Self.isUsable(access) }
    return MessageURL.unescaped(word.dropFirst(5)) == account
  }

  private func key(of id: MailboxID, owner: String, makes: Bool) async throws(IMAPFailure) -> [UInt8]? {
    let values = try await failing { () async throws(StoreError) in
      try await store.metadata(of: id, account: owner, user: owner)
    }
    if let key = values[Self.keyEntry], key.count == 32 { return key }
    guard makes else { return nil }
    var generator = SystemRandomNumberGenerator()
    let key = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
    try await failing { () async throws(StoreError) in
      try await store.setMetadata([Self.keyEntry: key], of: id, account: owner, user: owner)
    }
    return key
  }

  private static func token(_ rump: [UInt8], _ key: [UInt8]) -> String {
    let code = HMAC<SHA256>.authenticationCode(for: rump, using: SymmetricKey(data: key))
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = Array(algorithm.utf8)
    for byte in code { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }

  /// In a time that tells nothing.
  private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
