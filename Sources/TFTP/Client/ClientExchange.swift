import Datagrams
import Glibc
import TFTPCore
import WireKit

/// One transfer of a client: its socket, its file in memory, its machine.
final class ClientExchange {
  private let socket: CInt
  private let request: [UInt8]
  private let server: Endpoint
  /// The way to the server; its port is the transfer's own after the first answer (RFC 1350 §4).
  private var route: DatagramRoute
  private var isLocked = false
  private var queue: DatagramQueue
  private var content: [UInt8]
  private let maximumSize: Int
  private var decoder: NetASCIIDecoder?

  static func run(
    _ request: Request, sending content: [UInt8], to server: Endpoint, options: TFTPClient.Options
  ) -> Result<[UInt8], TransferFailure> {
    do {
      let exchange = try ClientExchange(request, content, server, options)
      switch request.direction {
      case .read: return .success(try exchange.read(ReceivingTransfer(requesting: request, limits: options.limits)))
      case .write:
        try exchange.write(SendingTransfer(requesting: request, limits: options.limits))
        return .success([])
      }
    } catch let failure as TransferFailure {
      return .failure(failure)
    } catch {
      return .failure(TransferFailure(.local, .notDefined, "\(error)"))
    }
  }

  private init(_ request: Request, _ content: [UInt8], _ server: Endpoint, _ options: TFTPClient.Options) throws {
    self.request = try request.encoded()
    self.content = content
    self.server = server
    maximumSize = options.maximumSize
    decoder = request.mode == .netascii ? NetASCIIDecoder() : nil
    route = DatagramRoute(to: server)
    queue = try DatagramQueue(receiveCount: 64, receiveSize: 65_535, sendCount: 128)
    let any = server.address.family == .v4 ? IPAddress(v4: 0) : IPAddress(v6: 0)
    socket = try UDPSocket.open(Endpoint(any, 0))
    try UDPSocket.prepare(socket)
  }

  deinit { close(socket) }

  private func read(_ start: ReceivingTransfer) throws -> [UInt8] {
    var machine = start
    try perform(machine.start(now: Self.now()), UnsafeRawBufferPointer(start: nil, count: 0))
    while true {
      let count = try receive(until: machine.deadline)
      for index in 0..<count {
        guard let datagram = arrival(index) else { continue }
        guard let packet = try? Packet.decode(datagram.bytes) else { continue }
        try perform(machine.receive(packet, now: Self.now()), datagram)
      }
      if machine.isDallying {
        // The server may miss the last ACK; it repeats its block then, and nobody would answer. A short stay is the client's
        // courtesy, but the file is here: no reason to make the caller wait.
        decoder?.finish(into: &content)
        return content
      }
      if count == 0 { try perform(machine.timerFired(now: Self.now()), UnsafeRawBufferPointer(start: nil, count: 0)) }
    }
  }

  private func perform(_ action: ReceivingTransfer.Action, _ datagram: UnsafeRawBufferPointer) throws {
    switch action {
    case .wait, .finished: break
    case .sendFirst: queue.send(request, route, on: socket)
    case .acknowledge(let block): queue.send(Packet.encodedAcknowledgement(block), route, on: socket)
    case .take(let payload, let block):
      try keep(UnsafeRawBufferPointer(rebasing: datagram[payload]))
      if let block { queue.send(Packet.encodedAcknowledgement(block), route, on: socket) }
    case .finish(let payload, let block):
      try keep(UnsafeRawBufferPointer(rebasing: datagram[payload]))
      queue.send(Packet.encodedAcknowledgement(block), route, on: socket)
    case .fail(let failure): try end(failure)
    }
  }

  private func keep(_ bytes: UnsafeRawBufferPointer) throws {
    guard content.count + bytes.count <= maximumSize else {
      try end(TransferFailure(.local, .diskFull, "larger than \(maximumSize) bytes"))
      return
    }
    if decoder == nil { content.append(contentsOf: bytes) } else { decoder?.decode(bytes, into: &content) }
  }

  private func write(_ start: SendingTransfer) throws {
    var machine = start
    var isDone = try perform(machine.start(now: Self.now()), &machine)
    while !isDone {
      let count = try receive(until: machine.deadline)
      for index in 0..<count where !isDone {
        guard let datagram = arrival(index), let packet = try? Packet.decode(datagram.bytes) else { continue }
        isDone = try perform(machine.receive(packet, now: Self.now()), &machine)
      }
      if count == 0, !isDone { isDone = try perform(machine.timerFired(now: Self.now()), &machine) }
    }
  }

  /// - Returns: Whether the transfer is complete.
  private func perform(_ action: SendingTransfer.Action, _ machine: inout SendingTransfer) throws -> Bool {
    switch action {
    case .wait: return false
    case .finished: return true
    case .sendFirst: queue.send(request, route, on: socket)
    case .send(let blocks): send(blocks, &machine)
    case .fail(let failure): try end(failure)
    }
    return false
  }

  private func send(_ blocks: ClosedRange<UInt64>, _ machine: inout SendingTransfer) {
    let size = machine.parameters.blockSize
    for block in blocks {
      let offset = min(UInt64(content.count), (block - 1) * UInt64(size))
      let part = content[Int(offset)...].prefix(size)
      var bytes: [UInt8] = []
      bytes.reserveCapacity(size + Packet.dataHeaderLength)
      bytes.appendInteger(Packet.dataHeader(block))
      bytes.append(contentsOf: part)
      queue.send(bytes, route, on: socket)
      if part.count < size {
        machine.endReached(at: block)
        return
      }
    }
  }

  private func end(_ failure: TransferFailure) throws {
    if failure.origin == .local, isLocked {
      queue.send(Packet.encodedError(failure.code, failure.message), route, on: socket)
    }
    throw failure
  }

  private func receive(until deadline: MonotonicTime) throws(SystemError) -> Int {
    let wait = (deadline - Self.now()).wholeNanoseconds / 1_000_000
    UDPSocket.setTimeout(socket, milliseconds: Int(max(1, min(wait + 1, 60_000))))
    return try queue.receive(socket)
  }

  /// A datagram of this transfer. One from a stranger is told so, and ignored (RFC 1350 §4).
  private func arrival(_ index: Int) -> UnsafeRawBufferPointer? {
    guard let arrival = queue.arrival(index), arrival.length > 0 else { return nil }
    let way = DatagramRoute(raw: arrival.route)
    let peer = way.peer
    if isLocked ? peer != route.peer : peer.address != server.address {
      queue.send(Packet.encodedError(.unknownTransferID, "Unknown transfer ID"), way.answer, on: socket)
      return nil
    }
    if !isLocked {
      isLocked = true
      route = way.answer
    }
    return UnsafeRawBufferPointer(start: arrival.bytes, count: Int(arrival.length))
  }

  private static func now() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }
}
