import MilterClient
import MilterCore
import SMTPCore
import Services
import Transport
import WireKit

/// The milters of the configuration, asked one after the other about each message, each seeing what those before it
/// changed.
struct MilterChain: Sendable {
  /// What came of all of them.
  struct Outcome: Sendable {
    var message: CollectedMessage
    var envelope: Envelope
    /// Set: the message is not taken, or (positive) taken and thrown away.
    var reply: SMTPReply?
    var isSuspicious = false
    /// Failures, for the log.
    var failures: [String] = []
  }

  let milters: [MilterClient]
  /// Whether a message passes where a milter fails to answer.
  let passesOnFailure: Bool
  let hostname: String

  func judge(
    _ message: CollectedMessage, _ envelope: Envelope, _ client: ServerRequest.Client, _ connection: Connection,
    id: String, clientName: String?
  ) async -> Outcome {
    var outcome = Outcome(message: message, envelope: envelope)
    for milter in milters {
      let address = connection.peer.address
      let seen = MilterMessage(
        hostname: hostname, clientName: clientName ?? (address.family == .v4 ? "[\(address)]" : "[IPv6:\(address)]"),
        client: connection.peer, helloName: client.helloName, tlsVersion: connection.tls?.version,
        account: client.account, id: id, sender: outcome.envelope.sender.description,
        recipients: outcome.envelope.recipients.map(\.address.description),
        fields: outcome.message.header.fields.map { ($0.originalName, $0.rawValue) })
      let verdict = await milter.judge(
        seen, content: outcome.message.body, from: Int64(outcome.message.header.bodyStart))
      switch verdict.decision {
      case .accept: Self.apply(verdict, to: &outcome)
      case .reject: outcome.reply = SMTPReply(550, "5.7.1", "Refused by a filter")
      case .temporary: outcome.reply = SMTPReply(451, "4.7.1", "A filter wants it tried again later")
      case .discard: outcome.reply = SMTPReply(250, "2.0.0", "Taken")
      case .reply(let code, let text): outcome.reply = Self.reply(code, text)
      case .failed(let reason):
        outcome.failures.append("\(milter.place): \(reason)")
        if !passesOnFailure { outcome.reply = SMTPReply(451, "4.7.1", "A filter is out of order, try again later") }
      }
      if outcome.reply != nil { return outcome }
    }
    return outcome
  }

  /// `5.7.1 text`, with or without its enhanced code.
  private static func reply(_ code: Int, _ text: String) -> SMTPReply {
    let words = text.split(separator: " ", maxSplits: 1)
    if let first = words.first, first.split(separator: ".").count == 3, first.first == (code < 500 ? "4" : "5") {
      return SMTPReply(code, String(first), words.count > 1 ? String(words[1]) : "")
    }
    return SMTPReply(code, code < 500 ? "4.7.1" : "5.7.1", text)
  }

  private static func apply(_ verdict: MilterVerdict, to outcome: inout Outcome) {
    var header = outcome.message.header
    for change in verdict.changes {
      switch change {
      case .addField(let name, let value): header.fields.append(field(name, value))
      case .insertField(let index, let name, let value):
        header.fields.insert(field(name, value), at: min(max(0, index), header.fields.count))
      case .changeField(let name, let number, let value):
        let places = header.fields.indices.filter { header.fields[$0].name == name.lowercased() }
        if places.indices.contains(number - 1) {
          if let value {
            header.fields[places[number - 1]] = field(name, value)
          } else {
            header.fields.remove(at: places[number - 1])
          }
        } else if let value {
          header.fields.append(field(name, value))
        }
      case .addRecipient(let text):
        if let address = MailAddress(text), outcome.envelope.recipients.count < 1000 {
          outcome.envelope.recipients.append(.init(address))
        }
      case .removeRecipient(let text):
        outcome.envelope.recipients.removeAll { $0.address.description.lowercased() == text.lowercased() }
      case .sender(let text):
        if text.isEmpty {
          outcome.envelope.sender = .null
        } else if let address = MailAddress(text) {
          outcome.envelope.sender = .address(address)
        }
      }
    }
    if verdict.quarantine != nil { outcome.isSuspicious = true }
    if let body = verdict.body {
      header.bodyStart = 0
      outcome.message = CollectedMessage(
        body: MemoryBody(lineEnds(body)), header: header,
        isEightBit: outcome.message.isEightBit || body.contains { $0 > 0x7F })
    } else {
      outcome.message = CollectedMessage(
        body: outcome.message.body, header: header, isEightBit: outcome.message.isEightBit)
    }
  }

  private static func field(_ name: String, _ value: [UInt8]) -> HeaderBlock.Field {
    // A milter that begins a value with its own space has seen to the look of it.
    let space: [UInt8] = value.first == 0x20 || value.first == 0x09 ? [] : [0x20]
    return HeaderBlock.Field(name: name.lowercased(), bytes: Array("\(name):".utf8) + space + value + [0x0D, 0x0A])
  }

  /// No line end stands alone in what is kept or passed on.
  private static func lineEnds(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var previous: UInt8 = 0
    for byte in bytes {
      if previous == 0x0D, byte != 0x0A { output.append(0x0A) }
      if byte == 0x0A, previous != 0x0D { output.append(0x0D) }
      output.append(byte)
      previous = byte
    }
    if previous == 0x0D { output.append(0x0A) }
    return output
  }
}

extension HeaderBlock.Field {
  /// The name as it stands.
  var originalName: String {
    String(decoding: bytes.prefix { $0 != UInt8(ascii: ":") }.filter { $0 > 0x20 }, as: UTF8.self)
  }

  /// What stands behind the colon and one space, with its folds and without its line end.
  var rawValue: [UInt8] {
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return [] }
    var value = bytes[(colon + 1)...]
    if value.first == 0x20 { value = value.dropFirst() }
    while value.last == 0x0A || value.last == 0x0D { value = value.dropLast() }
    return Array(value)
  }
}
