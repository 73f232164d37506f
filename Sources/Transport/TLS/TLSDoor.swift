import NIOCore
import Services
import WireKit

/// TLS for connections that belong to another one, such as FTP's data connections: the same door, the same contexts, and so
/// the same sessions to resume.
public enum TLSDoor {
  /// Puts TLS, as its server, in front of a handler. `TLSUserEvent.handshakeCompleted` tells when it stands; `opened` is to
  /// be called then.
  public static func add(
    to pipeline: ChannelPipeline.SynchronousOperations, before handler: any ChannelHandler, contexts: TLSContextStore,
    service: ServiceName, applicationProtocols: [String], local: IPAddress, timeout: Duration,
    onRefusal: @escaping (TLSRefusal) -> Void
  ) throws {
    try pipeline.addHandler(
      TLSGate(
        contexts: contexts, service: service, applicationProtocols: applicationProtocols, local: local,
        timeout: timeout, onRefusal: onRefusal),
      position: .before(handler))
  }

  /// The handshake is over: its time limit ends.
  public static func opened(_ pipeline: ChannelPipeline.SynchronousOperations) {
    guard let gate = try? pipeline.handler(type: TLSGate.self) else { return }
    pipeline.removeHandler(gate, promise: nil)
  }
}
