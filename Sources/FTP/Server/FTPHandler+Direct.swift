import FTPCore
import FTPData
import Services

extension FTPHandler {
  /// Moves what is in plain text as far as the peer keeps up. Returns where the rest is to go; `nil` when all is done.
  func moveDirectly(
    _ prepared: PreparedTransfer, _ port: DataPort, _ control: FTPControl
  ) async throws -> DataPort? {
    let turn: @Sendable (DataSocket, UInt64) throws -> DirectTransfer.Turn
    switch prepared.content {
    case _ where prepared.transfer.isProtected: return port
    case .upload(let upload):
      turn = { socket, _ in
        let turn = try DirectTransfer.receive(over: socket, into: upload)
        if turn.outcome == .complete { _ = try upload.complete() }
        return turn
      }
    case .download(let download):
      guard download.isSentByKernel else { return port }
      turn = { try download.sendByKernel(after: $1, over: $0) }
    case .listing: return port
    }
    guard case .passive(let listener) = port, direct.enter() else { return port }
    defer { direct.leave() }
    guard let descriptor = listener.takeConnection() else { return port }
    let socket = DataSocket(descriptor)
    var moved: UInt64 = 0
    do {
      while true {
        try Task.checkCancellation()
        let before = moved
        let result = try await direct.pool.runIfActive { try turn(socket, before) }
        moved += result.bytes
        control.move(Int(clamping: result.bytes))
        switch result.outcome {
        case .complete:
          socket.close()
          return nil
        case .turnIsOver: continue
        case .peerIsSlow: return .connected(socket.release(), sent: Int(clamping: moved))
        }
      }
    } catch {
      socket.abort()
      throw error
    }
  }
}
