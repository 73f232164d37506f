import NIOCore
import NIOSSL
import WireKit

/// The way back from TLS to plain text on a connection that goes on (RFC 4217 §6).
extension SessionHandler where Session: ~Copyable {
  /// Sends what is queued, and says close_notify once the peer has said it, or after a moment: some clients (lftp) take one
  /// that comes with the last reply for the end of the connection. A peer that sends data instead, or nothing in time, is
  /// disconnected.
  func stopTLS(_ context: ChannelHandlerContext) {
    guard pending.readableBytes == 0, connection.tls != nil,
      let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
    else { return errorCaught(context: context, error: StopTLSError.noOrderlyEnd) }
    pump(context, all: true)
    phase = .downgrading
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    endTLS = {
      let stopped = context.eventLoop.makePromise(of: Void.self)
      stopped.futureResult.whenComplete { result in
        let (driver, context) = loopBound.value
        guard driver.phase == .downgrading else { return }
        switch result {
        case .success: driver.tlsStopped(context)
        case .failure(let error): driver.errorCaught(context: context, error: error)
        }
      }
      tls.stopTLS(promise: stopped)
    }
    context.eventLoop.scheduleTask(in: .milliseconds(200)) { loopBound.value.0.beginToEndTLS() }
  }

  func beginToEndTLS() {
    guard phase == .downgrading, let endTLS else { return }
    self.endTLS = nil
    endTLS()
  }

  private func tlsStopped(_ context: ChannelHandlerContext) {
    connection.tls = nil
    phase = .running
    step { session, now, actions in session.tlsStopped(now: now, into: &actions) }
    hasNews = true
    drive(context)
  }
}

/// Why TLS could not be ended without ending the connection.
public enum StopTLSError: Error, Sendable {
  /// There is no TLS, or something came behind the command that asks for its end.
  case noOrderlyEnd
}
