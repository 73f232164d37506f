import Datagrams
import Services
import TFTPCore
import WireKit

/// Turns requests into transfers and gives each to its loop. Built up by the starter, then sealed.
final class Admission {
  private let configuration: TFTPServerConfiguration
  private let resolver: FileResolver
  private let context: LoopContext
  private var readLoops: [TransferLoop] = []
  private var writeLoop: TransferLoop?

  init(_ configuration: TFTPServerConfiguration, _ resolver: FileResolver, _ context: LoopContext) {
    self.configuration = configuration
    self.resolver = resolver
    self.context = context
  }

  func add(_ loop: TransferLoop, forWrites: Bool) {
    if forWrites { writeLoop = loop } else { readLoops.append(loop) }
  }

  /// What the listening loop calls with each request.
  func sealed() -> TransferLoop.RequestHandling {
    let (resolver, context, limits) = (resolver, context, configuration.limits)
    let (readLoops, writeLoop) = (readLoops, writeLoop)
    return { request, arrival, listener, listenerOutput in
      let route = arrival.answer
      let transfer: ServedTransfer
      do throws(TransferFailure) {
        let now = context.clock.now()
        switch request.direction {
        case .read:
          let source = try resolver.source(for: request, from: route.peer.address)
          transfer = ReadTransfer(request, route, source: source, limits: limits, now: now)
        case .write:
          let file = try resolver.version(for: request, from: route.peer.address)
          transfer = WriteTransfer(request, route, file: file, limits: limits, now: now)
        }
      } catch {
        listenerOutput.send(Packet.encodedError(error.code, error.message), to: route)
        context.report(
          .notice, "request refused", peer: route.peer, kind: request.direction == .write ? .audit : .log,
          fields: [.init("file", .string(request.fileName)), .init("reason", .string(error.description))])
        return
      }
      // One peer always meets the same loop, so that its repeated request is known as such. The hash has a random key:
      // nobody outside can tell which port a transfer gets.
      let loops = request.direction == .write ? writeLoop.map { [$0] } ?? [] : readLoops
      guard !loops.isEmpty else { return listener.begin(transfer) }
      var hasher = Hasher()
      hasher.combine(route.peer)
      loops[Int(UInt(bitPattern: hasher.finalize()) % UInt(loops.count))].adopt(transfer)
    }
  }
}
