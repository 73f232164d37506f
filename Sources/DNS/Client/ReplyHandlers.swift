import DNSCore
import NIOCore
import WireKit

/// What makes a message the reply to a request (RFC 5452 §9.1). The address and port are the socket's affair.
struct ExpectedReply: Sendable {
  let id: UInt16
  let question: Question
  /// Whether the letters' case must be that of the question.
  var isExact = false
  /// Whether an answer without a question counts, as servers give it to updates (RFC 2136 §3.8).
  var mayOmitQuestion = false

  /// Whether the octets of a reply that matches have the question's name as it was sent.
  func hasCase(_ bytes: [UInt8]) -> Bool {
    guard isExact else { return true }
    let name = question.name.wire
    return bytes.count >= Header.wireLength + name.count && bytes[Header.wireLength...].starts(with: name)
  }

  /// Whether these octets are that reply; a question may be missing where the server could not read it.
  func matches(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= Header.wireLength, bytes[2] & 0x80 != 0, UInt16(bytes[0]) << 8 | UInt16(bytes[1]) == id,
      let message = try? Message.decode(bytes.span.bytes)
    else { return false }
    guard let asked = message.questions.first else {
      return mayOmitQuestion || message.header.responseCode != .noError
    }
    return message.questions.count == 1 && asked == question
  }
}

/// Waits for the datagram that is the reply; others may be forged, and are dropped.
final class DatagramReplyHandler: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  typealias OutboundOut = ByteBuffer

  private let expected: ExpectedReply
  private let promise: EventLoopPromise<[UInt8]>

  init(_ expected: ExpectedReply, _ promise: EventLoopPromise<[UInt8]>) {
    self.expected = expected
    self.promise = promise
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
    guard expected.matches(bytes) else { return }
    if expected.hasCase(bytes) { promise.succeed(bytes) } else { promise.fail(DNSClientError.caseChanged) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(DNSClientError.unreachable(String(describing: error)))
  }
}
