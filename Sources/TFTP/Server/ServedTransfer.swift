import Datagrams
import TFTPCore
import WireKit

/// A transfer that the server takes part in, with its file and its peer. Belongs to one thread at a time.
class ServedTransfer {
  enum Outcome {
    case goesOn
    /// The file is here, and safe; what is left is to repeat the last acknowledgement.
    case kept
    case done
    case failed(TransferFailure)
  }

  let request: Request
  let route: DatagramRoute
  let peer: Endpoint
  let started: MonotonicTime
  let granted: [TransferOption]

  init(_ request: Request, _ route: DatagramRoute, _ granted: [TransferOption], _ now: MonotonicTime) {
    self.request = request
    self.route = route
    self.granted = granted
    peer = route.peer
    started = now
  }

  /// When `timerFired` is due.
  var deadline: MonotonicTime { MonotonicTime(nanoseconds: .max) }
  /// Bytes of the file that have arrived at the other end, or here.
  var bytes: UInt64 { 0 }
  var repetitions: Int { 0 }
  /// The name of the version that was made.
  var version: String? { nil }
  /// Whether nothing has come from the peer but its request.
  var isFresh: Bool { false }
  /// Whether the answer to the request is not repeated any more.
  var isQuiet: Bool { false }
  /// Whether it has been told how it ended.
  var isTold = false

  /// Whether a request is only this transfer's own once more: the network doubled it or brought it late, or the client repeats it. One
  /// that comes later begins anew, as firmware does that always asks from the same port.
  func isRepeated(by request: Request, at now: MonotonicTime) -> Bool {
    self.request == request && (isFresh && !isQuiet || now - started < .seconds(2))
  }

  func start(_ now: MonotonicTime, _ output: PacketOutput) -> Outcome { .done }
  func receive(
    _ packet: Packet, _ datagram: UnsafeRawBufferPointer, _ now: MonotonicTime, _ output: PacketOutput
  ) -> Outcome { .done }
  func timerFired(_ now: MonotonicTime, _ output: PacketOutput) -> Outcome { .done }

  func fail(_ failure: TransferFailure, _ output: PacketOutput) -> Outcome {
    if failure.origin == .local { output.send(Packet.encodedError(failure.code, failure.message), to: route) }
    return .failed(failure)
  }
}

/// A client reads.
final class ReadTransfer: ServedTransfer {
  private var machine: SendingTransfer
  private let source: FileSource

  init(
    _ request: Request, _ route: DatagramRoute, source: FileSource, limits: Limits, now: MonotonicTime
  ) {
    let (parameters, granted) = Negotiation.grant(request, fileSize: source.size, limits: limits)
    machine = SendingTransfer(serving: parameters, hasOptions: !granted.isEmpty, limits: limits)
    self.source = source
    super.init(request, route, granted, now)
  }

  override var deadline: MonotonicTime { machine.deadline }
  override var bytes: UInt64 { min(source.size, machine.acknowledged * UInt64(machine.parameters.blockSize)) }
  override var repetitions: Int { machine.repetitions }
  override var isFresh: Bool { machine.acknowledged == 0 }
  override var isQuiet: Bool { machine.isQuiet }

  override func start(_ now: MonotonicTime, _ output: PacketOutput) -> Outcome {
    perform(machine.start(now: now), output)
  }

  override func receive(
    _ packet: Packet, _ datagram: UnsafeRawBufferPointer, _ now: MonotonicTime, _ output: PacketOutput
  ) -> Outcome {
    perform(machine.receive(packet, now: now), output)
  }

  override func timerFired(_ now: MonotonicTime, _ output: PacketOutput) -> Outcome {
    perform(machine.timerFired(now: now), output)
  }

  private func perform(_ action: SendingTransfer.Action, _ output: PacketOutput) -> Outcome {
    switch action {
    case .wait: return .goesOn
    case .sendFirst:
      output.send(Packet.encodedOptions(granted), to: route)
      return .goesOn
    case .send(let blocks):
      switch output.send(blocks, of: source, blockSize: machine.parameters.blockSize, to: route) {
      case .success(let last):
        if let last { machine.endReached(at: last) }
        return .goesOn
      case .failure(let failure): return fail(failure, output)
      }
    case .finished: return .done
    case .fail(let failure): return fail(failure, output)
    }
  }
}

/// A client writes.
final class WriteTransfer: ServedTransfer {
  private var machine: ReceivingTransfer
  private let file: NewVersion
  private var name: String?

  init(
    _ request: Request, _ route: DatagramRoute, file: NewVersion, limits: Limits, now: MonotonicTime
  ) {
    let (parameters, granted) = Negotiation.grant(request, fileSize: nil, limits: limits)
    machine = ReceivingTransfer(serving: parameters, hasOptions: !granted.isEmpty, limits: limits)
    self.file = file
    super.init(request, route, granted, now)
  }

  override var deadline: MonotonicTime { machine.deadline }
  override var bytes: UInt64 { file.size }
  override var repetitions: Int { machine.repetitions }
  override var version: String? { name }
  override var isFresh: Bool { machine.received == 0 }
  override var isQuiet: Bool { machine.isQuiet }

  override func start(_ now: MonotonicTime, _ output: PacketOutput) -> Outcome {
    perform(machine.start(now: now), UnsafeRawBufferPointer(start: nil, count: 0), output)
  }

  override func receive(
    _ packet: Packet, _ datagram: UnsafeRawBufferPointer, _ now: MonotonicTime, _ output: PacketOutput
  ) -> Outcome {
    perform(machine.receive(packet, now: now), datagram, output)
  }

  override func timerFired(_ now: MonotonicTime, _ output: PacketOutput) -> Outcome {
    perform(machine.timerFired(now: now), UnsafeRawBufferPointer(start: nil, count: 0), output)
  }

  private func perform(
    _ action: ReceivingTransfer.Action, _ datagram: UnsafeRawBufferPointer, _ output: PacketOutput
  ) -> Outcome {
    switch action {
    case .wait: return .goesOn
    case .sendFirst: output.send(Packet.encodedOptions(granted), to: route)
    case .acknowledge(let block): output.send(Packet.encodedAcknowledgement(block), to: route)
    case .take(let payload, let block):
      do throws(TransferFailure) { try file.append(UnsafeRawBufferPointer(rebasing: datagram[payload])) } catch {
        return fail(error, output)
      }
      if let block { output.send(Packet.encodedAcknowledgement(block), to: route) }
    case .finish(let payload, let block):
      do throws(TransferFailure) {
        try file.append(UnsafeRawBufferPointer(rebasing: datagram[payload]))
        name = try file.commit()
      } catch { return fail(error, output) }
      output.send(Packet.encodedAcknowledgement(block), to: route)
      return .kept
    case .finished: return .done
    case .fail(let failure): return fail(failure, output)
    }
    return .goesOn
  }
}
