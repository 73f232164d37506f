import DNSCore
import Services
import WireKit

/// Turns one exchange into the two lines that `portside watch` shows.
struct DNSConversation: Sendable {
  let context: ServerContext
  let service: ServiceName

  var isWatched: Bool { context.events.isWatched(service) }

  func emit(request: [UInt8], reply: [UInt8], peer: Endpoint, session: SessionID? = nil) {
    let (wire, meaning) = Self.describe(request)
    emit(.conversation(.received, wire: wire, meaning: meaning), peer, session)
    guard !reply.isEmpty else { return }
    let (replyWire, replyMeaning) = Self.describe(reply)
    emit(.conversation(.sent, wire: replyWire, meaning: replyMeaning), peer, session)
  }

  private func emit(_ kind: Event.Kind, _ peer: Endpoint, _ session: SessionID?) {
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: .debug, kind: kind, message: "DNS message", service: service,
        session: session, peer: peer))
  }

  /// The message's records, and what it says in words.
  private static func describe(_ bytes: [UInt8]) -> (wire: String, meaning: String) {
    let message: Message
    do throws(WireError) {
      message = try Message.decode(bytes.span.bytes)
    } catch {
      return ("\(bytes.count) octets", "no DNS message: \(error)")
    }
    let question = message.questions.first.map { "\($0)" } ?? "no question"
    guard message.header.flags.contains(.response) else { return (question, "\(message.header.opcode)") }
    let records = (message.answers + message.authorities + message.additionals).map(\.description)
    let counts = "\(message.answers.count) answers, \(message.authorities.count) authority"
    return (records.isEmpty ? question : records.joined(separator: "\n"), "\(message.responseCode): \(counts)")
  }
}
