import IMAPCore
import NIOCore
import Services
import Transport

/// The messages of an APPEND or REPLACE that is under way.
struct AppendStaging {
  struct Message {
    var content: any StagedMessage
    var arguments: AppendedMessageArguments
  }

  var target: MailboxDirectory.Entry?
  var replacing: MessageAppend.Replaced?
  var messages: [Message] = []
}

/// APPEND, MULTIAPPEND, CATENATE and REPLACE (RFC 9051 §6.3.12, RFC 3502, 4469, 8508).
extension CommandExecutor {
  /// Whether messages may be put there; what is known by now is refused before the first octet comes.
  func appendTarget(_ name: MailboxName, replacing: ReplacedMessage?, size: Int) async throws(IMAPFailure) {
    conversation.staging = AppendStaging()
    let target = try await destination(name)
    guard target.rights.contains(.insert) else { throw .notPermitted }
    if let replacing {
      let view = try selected()
      guard !view.isReadOnly else { throw .readOnly }
      guard view.rights.isSuperset(of: [.deleteMessages, .expunge]) else { throw .notPermitted }
      guard let places = view.places(of: replacing.set, byUID: replacing.byUID), let uid = view.uids(at: places).first,
        view.uids(at: places).count == 1
      else { throw IMAPFailure("There is no such message, or more than one", .nonexistent) }
      conversation.staging.replacing = .init(mailbox: view.id, uid: uid)
    }
    let owner = target.mailbox.owner
    if owner != Mailbox.publicOwner {
      let quota = try await failing { () async throws(StoreError) in try await store.quota(of: owner) }
      guard quota.allows(bytes: Int64(size), messages: 1) else { throw IMAPFailure("The quota is used up", .overQuota) }
    }
    conversation.staging.target = target
  }

  /// Octets of a message, as they arrive.
  func stage(
    _ count: Int, isFirst: Bool, _ arguments: AppendedMessageArguments, _ body: RequestBody
  ) async throws(IMAPFailure) {
    let content = try await content(isFirst: isFirst, arguments, expecting: count)
    do {
      for try await chunk in body {
        var failure: StoreError?
        chunk.withUnsafeReadableBytes { bytes in
          do throws(StoreError) { try content.write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
      }
    } catch let error as StoreError {
      throw IMAPFailure(error)
    } catch {
      throw IMAPFailure("The message was cut off")
    }
  }

  private func content(
    isFirst: Bool, _ arguments: AppendedMessageArguments, expecting count: Int?
  ) async throws(IMAPFailure) -> any StagedMessage {
    if !isFirst, let last = conversation.staging.messages.last { return last.content }
    let made = try await failing { () async throws(StoreError) in
      try await store.stage(expecting: count.map { Int64($0) })
    }
    conversation.staging.messages.append(.init(content: made, arguments: arguments))
    return made
  }

  /// A part of a message that is here: `/INBOX;UIDVALIDITY=1/;UID=20/;SECTION=1.2` (RFC 4469, RFC 5092).
  func stageURL(_ url: [UInt8], isFirst: Bool, _ arguments: AppendedMessageArguments) async throws(IMAPFailure) {
    let failure = IMAPFailure("The URL leads to nothing", ResponseCode("BADURL \(Self.quoted(url))"))
    guard let place = MessageURL(url), let (body, range) = try? await content(of: place) else { throw failure }
    let content = try await content(isFirst: isFirst, arguments, expecting: nil)
    do throws(StoreError) { try content.write(body, range) } catch { throw IMAPFailure(error) }
  }

  private static func quoted(_ url: [UInt8]) -> String {
    var bytes: [UInt8] = []
    bytes.append(string: url.prefix(200).filter { (0x20...0x7E).contains($0) })
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Puts what was staged: all or nothing.
  func append(_ enabled: EnabledExtensions) async throws(IMAPFailure) -> CommandOutput {
    let staging = conversation.staging
    conversation.staging = AppendStaging()
    guard let target = staging.target, !staging.messages.isEmpty else {
      throw IMAPFailure("There is nothing to append")
    }
    // A message of no octets says that the client has thought better of it (RFC 3502 §6.3.11).
    if let limit = limits.messagesOfCommand, staging.messages.count > limit { throw tooManyMessages() }
    guard staging.messages.allSatisfy({ $0.content.size > 0 }) else {
      throw IMAPFailure("An empty message takes the command back")
    }
    var appends: [MessageAppend] = []
    for message in staging.messages {
      let (flags, keywords) = Self.flags(message.arguments.flags, target.rights)
      appends.append(
        MessageAppend(
          message.content, to: target.mailbox.id, flags: flags, keywords: keywords,
          internalDate: message.arguments.date.map { WallTime(seconds: $0.seconds) }))
    }
    if let replacing = staging.replacing { appends[0].replacing = replacing }
    let all = appends
    let appended = try await failing { () async throws(StoreError) in try await store.append(all) }
    var output = CommandOutput()
    let uids = UIDSet(appended.map(\.uid))
    if target.mailbox.id == conversation.view?.id { noteOwnArrivals(appended.map(\.uid)) }
    let code = appended.first.map { ResponseCode("APPENDUID \($0.uidValidity) \(uids)") }
    if staging.replacing != nil, let code {
      output.write { $0.append(untagged: .ok("Replaced", code)) }
    }
    if conversation.view != nil { await announce(&output, allowsExpunge: true, enabled) }
    output.completion = .ok(
      "\(staging.replacing == nil ? "APPEND" : "REPLACE") completed", staging.replacing == nil ? code : nil)
    return output
  }

  /// Flags that the account may not set are left out (RFC 4314 §4).
  private static func flags(_ flags: [Flag], _ rights: MailboxRights) -> (MessageFlags, [String]) {
    var result: MessageFlags = []
    var keywords: [String] = []
    for flag in flags {
      switch flag {
      case .seen: if rights.contains(.seen) { result.insert(.seen) }
      case .deleted: if rights.contains(.deleteMessages) { result.insert(.deleted) }
      case .answered: if rights.contains(.write) { result.insert(.answered) }
      case .flagged: if rights.contains(.write) { result.insert(.flagged) }
      case .draft: if rights.contains(.write) { result.insert(.draft) }
      default: if rights.contains(.write) { keywords.append(flag.description) }
      }
    }
    return (result, keywords)
  }
}
