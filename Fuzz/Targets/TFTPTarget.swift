import TFTPCore
import WireKit

extension FuzzTarget {
  static let tftpPacket = FuzzTarget(
    "tftp-packet",
    "A request that decodes and is short enough encodes to one that decodes to the same; data lies within the datagram."
  ) { bytes in
    guard let packet = try? Packet.decode(bytes.span.bytes) else { return }
    switch packet {
    case .request(let request):
      guard let encoded = try? request.encoded() else { return }
      try require((try? Packet.decode(encoded.span.bytes)) == packet, "\(request)")
    case .data(_, let payload):
      try require(payload.lowerBound == 4 && payload.upperBound == bytes.count, "\(payload) of \(bytes.count)")
    case .optionAcknowledgement(let options):
      try require((try? Packet.decode(Packet.encodedOptions(options).span.bytes)) == packet, "\(options)")
    case .acknowledgement, .error: break
    }
  }

  static let tftpTransfer = FuzzTarget(
    "tftp-transfer", "Whatever a peer sends, a transfer takes blocks in order, each within its datagram, and ends."
  ) { bytes in
    var machine = ReceivingTransfer(requesting: Request(.read, "f"), limits: Limits())
    var now = MonotonicTime(nanoseconds: 1)
    _ = machine.start(now: now)
    var rest = bytes[...]
    while let length = rest.popFirst() {
      let part = Array(rest.prefix(Int(length)))
      rest = rest.dropFirst(part.count)
      now = now + .milliseconds(3)
      let action: ReceivingTransfer.Action
      if let packet = try? Packet.decode(part.span.bytes) {
        action = machine.receive(packet, now: now)
      } else {
        action = machine.timerFired(now: now)
      }
      switch action {
      case .take(let payload, _), .finish(let payload, _):
        try require(payload.lowerBound >= 4 && payload.upperBound <= part.count, "\(payload) of \(part.count)")
      default: break
      }
    }
  }
}
