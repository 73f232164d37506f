import FTPCore
import FTPData
import Glibc
import NIOCore
import NIOPosix
import Services
import Transport
import WireKit

/// What a transfer moves, once it is open.
struct PreparedTransfer: Sendable {
  enum Content: Sendable {
    case download(Download)
    case upload(Upload)
    case listing(Listing)
  }

  var content: Content
  var transfer: FTPTransfer
}

extension FTPHandler {
  // MARK: Data ports

  /// Never waits: a few system calls.
  func passive(
    _ control: FTPControl, _ family: IPAddress.Family?, _ connection: Connection
  ) throws(FTPFailure) -> Endpoint {
    let local = connection.local.address.unmapped
    if let family, family != local.family { throw FTPFailure.needsExtended(local.family) }
    control.setPort(nil)
    let configuration = control.configuration
    let listener = PassiveListener.open(
      ports, in: configuration.passivePorts, on: local, for: connection.peer.address.unmapped,
      stallTime: configuration.dataLimits.stallTime, eventLoop: connection.eventLoop)
    guard let listener else {
      emit(.warning, "no port of the passive range is free", connection)
      throw FTPFailure.noPort
    }
    control.setPort(.passive(listener))
    let announced =
      configuration.announcedByNetwork.first { $0.network.contains(connection.peer.address) }?.address
      ?? configuration.announcedAddress
    // Clients within read the address that they came to; an announced one is for those outside.
    guard let announced, announced.family == local.family else { return listener.endpoint }
    return Endpoint(announced, listener.endpoint.port)
  }

  // MARK: Opening

  /// Opens what is to be transferred; on a thread that may wait.
  func begin(_ transfer: FTPTransfer, _ control: FTPControl) throws -> FTPOutcome {
    guard control.state.withLock({ $0.port != nil }) else { throw FTPFailure.noDataPort }
    var size: UInt64?
    var name: [UInt8]?
    let content: PreparedTransfer.Content
    do {
      switch transfer.content {
      case .retrieve(let path, let first, let last):
        let download = try Download.open(path, from: first, through: last, transfer, control)
        size = download.size
        content = .download(download)
      case .store, .append, .storeUnique:
        let upload = try Upload.open(transfer, control)
        if case .storeUnique = transfer.content { name = upload.path.name }
        content = .upload(upload)
      case .list(let path, let style):
        content = .listing(
          try Listing.open(path, style, control, now: FTPTime(seconds: context.clock.wallTime().seconds)))
      }
    } catch {
      control.setPort(nil)
      throw error
    }
    control.state.withLock { state in
      state.transfer = PreparedTransfer(content: content, transfer: transfer)
      state.moved = 0
    }
    return .began(size: size, name: name)
  }

  // MARK: Running

  /// A small file over a plain connection that has come already: sent here and now. `nil` where it takes longer than that.
  func runAtOnce(_ control: FTPControl, _ connection: Connection) -> FTPOutcome? {
    let ready = control.state.withLock { state -> (PreparedTransfer, Download, PassiveListener)? in
      guard let prepared = state.transfer, !prepared.transfer.isProtected,
        case .download(let download) = prepared.content,
        download.isAtHand, case .passive(let listener) = state.port
      else { return nil }
      return (prepared, download, listener)
    }
    guard let (prepared, download, listener) = ready, let descriptor = listener.takeConnection() else { return nil }
    let start = context.clock.now()
    let sent = download.sendAtOnce(over: descriptor)
    guard UInt64(sent) == download.size else {
      // More than the kernel takes at once, or nobody at the other end: the rest goes in good order.
      control.state.withLock { $0.port = .connected(descriptor, sent: sent) }
      return nil
    }
    close(descriptor)
    control.state.withLock { state in
      (state.transfer, state.port) = (nil, nil)
      state.moved = UInt64(sent)
    }
    note(prepared, .success(UInt64(sent)), context.clock.now() - start, control, connection)
    return .transferred(bytes: UInt64(sent))
  }

  func run(_ control: FTPControl, _ connection: Connection) async throws -> UInt64 {
    guard let prepared = control.takeTransfer(), let port = control.takePort() else { throw FTPFailure.noDataPort }
    let start = context.clock.now()
    let result: Result<UInt64, FTPFailure>
    do { result = .success(try await move(prepared, port, control, connection)) } catch {
      let failure = Task.isCancelled ? .aborted : Self.failure(error)
      if case .upload(let upload) = prepared.content {
        _ = try? await Task.detached { [pool] in try await pool.runIfActive { upload.abandon(failure) } }.value
      }
      result = .failure(failure)
    }
    note(prepared, result, context.clock.now() - start, control, connection)
    return try result.get()
  }

  private static func failure(_ error: any Error) -> FTPFailure {
    switch error as? DataConnection.Failure {
    case .lost, .truncated: .dataConnectionLost
    case .handshake: .dataTLSFailed
    case .stalled: .stalled
    case .cancelled: .aborted
    case nil: FTPFailure(error)
    }
  }

  private func move(
    _ prepared: PreparedTransfer, _ port: DataPort, _ control: FTPControl, _ connection: Connection
  ) async throws -> UInt64 {
    guard let port = try await moveDirectly(prepared, port, control) else {
      if case .upload(let upload) = prepared.content { try await reveal(upload) }
      return control.state.withLock { $0.moved }
    }
    let data = try await open(port, prepared.transfer.isProtected, control, connection)
    do {
      switch prepared.content {
      case .download(let download):
        let sent = if case .connected(_, let count) = port { count } else { 0 }
        try await download.send(over: data, isEncrypted: prepared.transfer.isProtected, after: sent, pool: pool) {
          control.move($0)
        }
        data.finish()
      case .listing(let listing):
        try await send(listing, prepared.transfer, over: data, control)
        data.finish()
      case .upload(let upload):
        while let chunks = try await data.receive() {
          try await onPool { try upload.write(chunks) }
          control.move(chunks.reduce(0) { $0 + $1.readableBytes })
        }
        data.finish()
        let received = try await onPool { try upload.complete() }
        try await reveal(upload)
        return received
      }
    } catch {
      data.abort()
      throw error
    }
    return control.state.withLock { $0.moved }
  }

  private func reveal(_ upload: Upload) async throws {
    // A client that is gone has not said that this was all: its end of the data connection alone proves nothing.
    try Task.checkCancellation()
    try await onPool { try upload.reveal() }
  }

  /// The data connection, secured where that is wanted.
  private func open(
    _ port: DataPort, _ isProtected: Bool, _ control: FTPControl, _ connection: Connection
  ) async throws -> DataConnection {
    let limits = control.configuration.dataLimits
    let data: DataConnection
    do {
      switch port {
      case .passive(let listener): data = try await listener.connection(within: limits.connectTime)
      case .connected(let descriptor, _):
        data = try await DataConnection.over(descriptor, stallTime: limits.stallTime, on: connection.eventLoop)
      case .active(let endpoint):
        data = try await ActiveConnector.connect(
          to: endpoint, from: connection.local.address.unmapped, port: control.configuration.activePort ?? 0,
          within: limits.connectTime, stallTime: limits.stallTime, eventLoop: connection.eventLoop)
      }
    } catch {
      throw Task.isCancelled ? FTPFailure.aborted : FTPFailure.dataConnectionFailed
    }
    do {
      guard isProtected else {
        try await data.start()
        return data
      }
      let (contexts, service, local) = (contexts, connection.service, connection.local.address)
      try await data.start(
        secure: { pipeline, handler in
          try TLSDoor.add(
            to: pipeline, before: handler, contexts: contexts, service: service,
            applicationProtocols: FTPServer.applicationProtocols, local: local, timeout: limits.connectTime
          ) { _ in }
        }, secured: { TLSDoor.opened($0) })
      return data
    } catch {
      data.abort()
      throw error
    }
  }

  private func send(
    _ listing: Listing, _ transfer: FTPTransfer, over data: DataConnection, _ control: FTPControl
  ) async throws {
    let converter = try OutboundConverter(transfer)
    var goesOn = true
    while goesOn {
      let (bytes, more) = try await onPool {
        var output: [UInt8] = []
        let more = try listing.next(into: &output)
        return (try converter.convert(output), more)
      }
      goesOn = more
      if !bytes.isEmpty { try await data.send(.byteBuffer(ByteBuffer(bytes: bytes))) }
      control.move(bytes.count)
    }
    let rest = try converter.finish()
    if !rest.isEmpty { try await data.send(.byteBuffer(ByteBuffer(bytes: rest))) }
  }

  // MARK: What is remembered of it

  private func note(
    _ prepared: PreparedTransfer, _ result: Result<UInt64, FTPFailure>, _ elapsed: Duration, _ control: FTPControl,
    _ connection: Connection
  ) {
    let path: FilePath
    let isUpload: Bool
    switch prepared.content {
    case .listing: return
    case .download(let download): (path, isUpload) = (download.path, false)
    case .upload(let upload): (path, isUpload) = (upload.path, true)
    }
    let bytes = (try? result.get()) ?? control.state.withLock { $0.moved }
    let isComplete = if case .success = result { true } else { false }
    context.meters.meter(connection.service, Self.operations).shard(0)
      .note(bytesIn: isUpload ? Int(clamping: bytes) : 0, bytesOut: isUpload ? 0 : Int(clamping: bytes))
    counters.withLock { counters in
      if isUpload {
        counters.bytesReceived += bytes
        if isComplete { counters.uploads += 1 }
      } else {
        counters.bytesSent += bytes
        if isComplete { counters.downloads += 1 }
      }
    }
    let fields: [Services.Event.Field] = [
      .init("path", .string(path.description)), .init("bytes", .bytes(Int64(clamping: bytes))),
      .init("time", .nanoseconds(elapsed.wholeNanoseconds)),
    ]
    let account = control.account
    if case .failure(let failure) = result {
      emit(
        .info, isUpload ? "upload broke off" : "download broke off", connection, account: account,
        fields + [.init("reason", .string(FTPReply.text(of: failure)))])
    } else {
      emit(
        .info, isUpload ? "file stored" : "file sent", connection, kind: isUpload ? .audit : .log, account: account,
        fields)
    }
    emit(
      .debug, "transfer", connection,
      kind: .operation(
        name: isUpload ? "upload" : "download", result: isComplete ? "complete" : "broken off",
        nanoseconds: UInt64(max(0, elapsed.wholeNanoseconds))))
    guard let log = control.configuration.transferLog else { return }
    let line = TransferLog.line(
      TransferLog.Entry(
        time: context.clock.wallTime(), elapsed: elapsed, peer: connection.peer.address, bytes: bytes, path: path,
        isText: prepared.transfer.isText, isUpload: isUpload,
        account: control.state.withLock { $0.isAnonymous } ? nil : account, isComplete: isComplete))
    pool.submit { _ in TransferLog.append(line, to: log) }
  }
}
