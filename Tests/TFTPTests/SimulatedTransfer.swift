import TFTPCore
import TestKit
import WireKit

/// A server and a client over a network in memory, with all its faults.
struct SimulatedTransfer {
  enum Side: Hashable, Sendable { case client, server }
  struct Result {
    var content: [UInt8]
    var serverIsDone: Bool
    var datagrams: Int
    var failure: TransferFailure?
  }

  private var link: DatagramLink<Side>
  private let request: Request
  private let content: [UInt8]
  private let granted: [TransferOption]
  private var sender: SendingTransfer
  private var receiver: ReceivingTransfer
  private let senderSide: Side
  private var result = Result(content: [], serverIsDone: false, datagrams: 0)

  init(_ request: Request, content: [UInt8], seed: UInt64, faults: DatagramLink<Side>.Faults) {
    self.request = request
    self.content = content
    link = DatagramLink(seed: seed, faults: faults)
    var limits = Limits()
    limits.maximumRetries = 30
    limits.maximumUnprovenRetries = 30
    let (parameters, granted) = Negotiation.grant(request, fileSize: UInt64(content.count), limits: limits)
    self.granted = granted
    switch request.direction {
    case .read:
      senderSide = .server
      sender = SendingTransfer(serving: parameters, hasOptions: !granted.isEmpty, limits: limits)
      receiver = ReceivingTransfer(requesting: request, limits: limits)
    case .write:
      senderSide = .client
      sender = SendingTransfer(requesting: request, limits: limits)
      receiver = ReceivingTransfer(serving: parameters, hasOptions: !granted.isEmpty, limits: limits)
    }
  }

  private var receiverSide: Side { senderSide == .client ? .server : .client }

  mutating func run() -> Result {
    if senderSide == .client {
      perform(sender.start(now: link.now))
    } else {
      perform(receiver.start(now: link.now), [])
    }
    var serverHasStarted = false
    let end = link.now + .seconds(3_600)
    while link.now < end, result.failure == nil {
      let limit = min(deadline, end)
      guard let datagram = link.next(before: limit) else {
        if !serverHasStarted || senderSide == .server || sender.deadline <= link.now {
          if sender.deadline <= link.now { perform(sender.timerFired(now: link.now)) }
        }
        if receiver.deadline <= link.now { perform(receiver.timerFired(now: link.now), []) }
        if result.serverIsDone, receiver.isDallying { break }
        continue
      }
      guard let packet = try? Packet.decode(datagram.bytes.span.bytes) else { continue }
      if case .request = packet {
        guard !serverHasStarted else { continue }
        serverHasStarted = true
        if senderSide == .server {
          perform(sender.start(now: link.now))
        } else {
          perform(receiver.start(now: link.now), [])
        }
      } else if datagram.destination == senderSide {
        perform(sender.receive(packet, now: link.now))
      } else {
        perform(receiver.receive(packet, now: link.now), datagram.bytes)
      }
      if result.serverIsDone, receiver.isDallying { break }
    }
    return result
  }

  private var deadline: MonotonicTime { min(sender.deadline, receiver.deadline) }

  private mutating func send(_ bytes: [UInt8], from side: Side) {
    result.datagrams += 1
    link.send(bytes, from: side, to: side == .client ? .server : .client)
  }

  private mutating func perform(_ action: SendingTransfer.Action) {
    switch action {
    case .wait: break
    case .sendFirst: sendFirst(senderSide)
    case .send(let blocks):
      let size = sender.parameters.blockSize
      for block in blocks {
        let start = min(content.count, Int(block - 1) * size)
        let part = content[start..<min(content.count, start + size)]
        var bytes: [UInt8] = []
        bytes.appendInteger(Packet.dataHeader(block))
        send(bytes + part, from: senderSide)
        if part.count < size {
          sender.endReached(at: block)
          break
        }
      }
    case .finished: result.serverIsDone = true
    case .fail(let failure): result.failure = failure
    }
  }

  private mutating func perform(_ action: ReceivingTransfer.Action, _ datagram: [UInt8]) {
    switch action {
    case .wait, .finished: break
    case .sendFirst: sendFirst(receiverSide)
    case .acknowledge(let block): send(Packet.encodedAcknowledgement(block), from: receiverSide)
    case .take(let payload, let block):
      result.content += datagram[payload]
      if let block { send(Packet.encodedAcknowledgement(block), from: receiverSide) }
    case .finish(let payload, let block):
      result.content += datagram[payload]
      send(Packet.encodedAcknowledgement(block), from: receiverSide)
    case .fail(let failure): result.failure = failure
    }
  }

  private mutating func sendFirst(_ side: Side) {
    if side == .server {
      send(Packet.encodedOptions(granted), from: .server)
    } else if let bytes = try? request.encoded() {
      send(bytes, from: .client)
    }
  }
}
