import Datagrams
import Services
import Synchronization
import TFTPCore
import WireKit

/// A thread with one socket and all the transfers on it. It takes what has come in one call and sends what is due in another.
///
/// `@unchecked Sendable` because everything but the inbox is touched by the loop's own thread only; a transfer in the inbox
/// belongs to nobody else any more.
final class TransferLoop: @unchecked Sendable {
  /// What happens to requests that come to this socket; `nil` where none are taken.
  typealias RequestHandling = @Sendable (Request, DatagramRoute, TransferLoop, PacketOutput) -> Void

  let socket: CInt
  private let endpoint: Endpoint
  private let output: PacketOutput
  private let context: LoopContext
  private let admission: RequestHandling?
  private let inbox = Mutex<[Handover]>([])

  /// A transfer on its way from the thread that admitted it.
  private struct Handover: @unchecked Sendable {
    // unchecked: the sender keeps no reference once it is in the inbox.
    let transfer: ServedTransfer
  }

  private var transfers: [Endpoint: ServedTransfer] = [:]
  private var bySource: [IPAddress: Int] = [:]
  private var nextDeadline = MonotonicTime(nanoseconds: .max)
  private var isBusy = true

  init(socket: CInt, context: LoopContext, admission: RequestHandling?) throws(SystemError) {
    self.socket = socket
    self.context = context
    self.admission = admission
    try UDPSocket.prepare(socket)
    endpoint = try UDPSocket.localEndpoint(socket)
    output = try PacketOutput(
      socket: socket, inSegments: context.sendsInSegments, meter: context.meter.shard(Int(socket)))
  }

  /// Hands a transfer to this loop from another thread.
  func adopt(_ transfer: ServedTransfer) {
    let wasEmpty = inbox.withLock { inbox in
      defer { inbox.append(Handover(transfer: transfer)) }
      return inbox.isEmpty
    }
    if wasEmpty { UDPSocket.wake(socket, at: endpoint) }
  }

  /// Starts a transfer, on the loop's own thread.
  func begin(_ transfer: ServedTransfer) {
    guard enter(transfer) else { return }
    settle(transfer, transfer.start(context.clock.now(), output))
  }

  func run(_ thread: ServiceThread) {
    while !thread.isStopping {
      setPace()
      let count: Int
      do throws(SystemError) { count = try output.receive() } catch {
        context.report(.error, "the socket failed", fields: [.init("error", .string(error.description))])
        return
      }
      takeInbox()
      let now = context.clock.now()
      for index in 0..<count {
        output.withArrival(index) { bytes, route in receive(bytes, route, now) }
      }
      if now >= nextDeadline { fireTimers(now) }
      output.flush()
    }
    for transfer in transfers.values {
      output.send(Packet.encodedError(.notDefined, "the server stops"), to: transfer.route)
    }
    output.flush()
  }

  /// With transfers, the wait is as fine as the shortest time-out wants; without any, a wake-up now and then is enough.
  private func setPace() {
    let shallBeBusy = !transfers.isEmpty
    guard shallBeBusy != isBusy else { return }
    isBusy = shallBeBusy
    UDPSocket.setTimeout(socket, milliseconds: isBusy ? 50 : 250)
  }

  private func takeInbox() {
    let handovers = inbox.withLock { inbox in
      defer { inbox.removeAll(keepingCapacity: true) }
      return inbox
    }
    for handover in handovers { begin(handover.transfer) }
  }

  /// Enters a transfer; a newer one takes the place of an older one of the same peer.
  private func enter(_ transfer: ServedTransfer) -> Bool {
    if let older = transfers[transfer.peer] {
      // Where an answer was lost the transfer's own timer sees to that.
      if older.isRepeated(by: transfer.request, at: context.clock.now()) { return false }
      leave(older)
    }
    let source = transfer.peer.address
    guard transfers.count < context.maximumTransfers,
      bySource[source, default: 0] < context.maximumTransfersPerSource
    else {
      output.send(Packet.encodedError(.notDefined, "too many transfers"), to: transfer.route)
      context.report(.warning, "too many transfers at a time", peer: transfer.peer)
      return false
    }
    transfers[transfer.peer] = transfer
    context.meter.shard(Int(socket)).noteOpened()
    bySource[source, default: 0] += 1
    nextDeadline = min(nextDeadline, transfer.deadline)
    return true
  }

  private func leave(_ transfer: ServedTransfer) {
    transfers[transfer.peer] = nil
    context.meter.shard(Int(socket)).noteClosed()
    if !transfer.isTold { freePlace(of: transfer) }
  }

  private func freePlace(of transfer: ServedTransfer) {
    let source = transfer.peer.address
    let count = bySource[source, default: 1] - 1
    bySource[source] = count > 0 ? count : nil
  }

  private func receive(_ bytes: UnsafeRawBufferPointer, _ route: DatagramRoute, _ now: MonotonicTime) {
    let peer = route.peer
    let packet: Packet
    do throws(WireError) { packet = try Packet.decode(bytes.bytes) } catch {
      refuse(error, transfers[peer], route)
      return
    }
    if case .request(let request) = packet {
      // RFC 1123 §4.2.3.6: a request to a broadcast address is ignored.
      guard let admission, !route.isMulticast else { return }
      if let older = transfers[peer], older.isRepeated(by: request, at: now) { return }
      return admission(request, route, self, output)
    }
    guard let transfer = transfers[peer] else {
      // RFC 1350 §4. An ACK or ERROR from nobody needs no answer: that would only make noise.
      if case .data = packet {
        output.send(Packet.encodedError(.unknownTransferID, "Unknown transfer ID"), to: route.answer)
      }
      return
    }
    settle(transfer, transfer.receive(packet, bytes, now, output))
  }

  /// What cannot be read: told to whoever sent a request with an odd mode or name, ignored otherwise.
  private func refuse(_ error: WireError, _ transfer: ServedTransfer?, _ route: DatagramRoute) {
    guard transfer == nil, admission != nil, !route.isMulticast, error.subject.description != "opcode" else { return }
    output.send(Packet.encodedError(.illegalOperation, error.description), to: route.answer)
    context.report(.notice, "malformed request", peer: route.peer, fields: [.init("error", .string(error.description))])
  }

  private func settle(_ transfer: ServedTransfer, _ outcome: ServedTransfer.Outcome) {
    switch outcome {
    case .goesOn: nextDeadline = min(nextDeadline, transfer.deadline)
    case .kept:
      nextDeadline = min(nextDeadline, transfer.deadline)
      tell(transfer)
    case .done:
      leave(transfer)
      tell(transfer)
    case .failed(let failure):
      leave(transfer)
      context.finished(transfer, failure: failure)
    }
  }

  private func tell(_ transfer: ServedTransfer) {
    guard !transfer.isTold else { return }
    transfer.isTold = true
    // Whoever brings many files, one after the other, is not to be kept from it by those that are here already.
    if transfers[transfer.peer] === transfer { freePlace(of: transfer) }
    context.finished(transfer, failure: nil)
  }

  private func fireTimers(_ now: MonotonicTime) {
    nextDeadline = MonotonicTime(nanoseconds: .max)
    for transfer in Array(transfers.values) {
      if transfer.deadline <= now {
        settle(transfer, transfer.timerFired(now, output))
      } else {
        nextDeadline = min(nextDeadline, transfer.deadline)
      }
    }
  }
}
