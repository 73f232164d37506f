import HTTPCore
import NIOPosix
import Services
import WireKit

/// Asks the upstreams of a pool how they are, again and again.
enum UpstreamHealth {
  /// Until the task is cancelled. Changes are told.
  static func watch(_ pool: UpstreamPool, path: String, _ events: any EventSink, _ clock: any Clock) async {
    var known: [Int: Bool] = [:]
    while !Task.isCancelled {
      for (index, upstream) in pool.configuration.upstreams.enumerated() {
        let isHealthy = await isWell(upstream, path: path, pool.configuration)
        pool.noteHealth(index, isHealthy: isHealthy)
        if known.updateValue(isHealthy, forKey: index) ?? true != isHealthy {
          events.emit(
            Services.Event(
              time: clock.wallTime(), severity: isHealthy ? .notice : .warning,
              message: isHealthy ? "an upstream is well again" : "an upstream is not well", service: .http,
              fields: [.init("upstream", .string(upstream.authority))]))
        }
      }
      try? await Task.sleep(for: pool.configuration.healthInterval)
    }
  }

  /// On a connection of its own, so that the look does not depend on what waits.
  private static func isWell(
    _ upstream: ProxyConfiguration.Upstream, path: String, _ configuration: ProxyConfiguration
  ) async -> Bool {
    do {
      let connection = try await UpstreamConnection.open(
        to: upstream, tls: upstream.isSecure ? UpstreamPool.tlsContext(configuration) : nil, configuration,
        on: MultiThreadedEventLoopGroup.singleton.any())
      defer { connection.close() }
      let request = ClientRequest(
        .get, isSecure: upstream.isSecure, authority: upstream.authority, target: upstream.path + path)
      let exchange = connection.perform(request) { _ in }
      return (200..<400).contains(Int(try await exchange.head.get().status.code))
    } catch {
      return false
    }
  }
}
