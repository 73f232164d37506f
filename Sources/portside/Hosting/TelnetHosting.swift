import Configuration
import ConsoleCore
import ConsoleServer
import Foundation
import Services
import Supervision
import Synchronization
import TelnetCore
import TelnetServer
import Transport
import WireKit

/// Telnet and telnets: the console for laboratories.
final class TelnetHosting: HostedService {
  static let worker = WorkerName.access
  static let services: Set<ServiceName> = [.telnet]

  private let surroundings: WorkerSurroundings

  /// What connections from now on go by; a reload changes it.
  private let settings: Mutex<WorkerSettings>

  private init(surroundings: WorkerSurroundings, settings: WorkerSettings) {
    self.surroundings = surroundings
    self.settings = Mutex(settings)
  }

  static func share(_ whole: PortsideConfiguration, with part: inout PortsideConfiguration) {
    part.telnet = whole.telnet
  }

  static func confine(
    _ confinement: inout Confinement, for configuration: PortsideConfiguration, in folder: DataFolder
  ) {
    // What `probe` on the console trusts.
    confinement.readPaths.append(folder.authority)
    confinement.writePaths += configuration.telnet.lines.values.map(\.device.description).sorted()
  }

  static func make(
    _ settings: WorkerSettings, _ sockets: [InheritedSocket], in surroundings: WorkerSurroundings
  ) async throws -> any HostedService {
    TelnetHosting(surroundings: surroundings, settings: settings)
  }

  func apply(_ settings: WorkerSettings, _ sockets: [InheritedSocket]) async throws {
    self.settings.withLock { $0 = settings }
  }

  func listen(
    _ socket: InheritedSocket, _ declaration: ListenerDeclaration, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    guard let descriptor = socket.descriptors.first else { throw CommandFailure("no socket for \(socket.name)") }
    if let name = Self.line(of: declaration) { return try await listen(line: name, descriptor, settings) }
    // The byte of a Synch (RFC 854) is sent as urgent data. It belongs in its place in the stream, and connections take
    // that over from the listening socket.
    var isInline: CInt = 1
    setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &isInline, socklen_t(MemoryLayout<CInt>.size))
    let surroundings = surroundings
    let handler = TelnetRequestHandler<Console>(context: surroundings.context) { [self] identity, _ in
      surroundings.makeConsole(for: identity, hostname: hostname)
    } perform: { call, connection in
      await surroundings.consoleBackend(of: connection.id).perform(call)
    }
    let listener = StreamListener<TelnetServerSession<Console>, TelnetRequestHandler<Console>>(
      configuration: StreamListenerConfiguration(
        service: .telnet, tls: .init(declaration.tls), applicationProtocols: ["telnet"],
        proxies: settings.configuration.proxyProtocol.from,
        refusal: Array("This server takes no more connections from you at the moment.\r\n".utf8)),
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, handler: handler
    ) { [self] connection in
      TelnetServerSession(
        security: .init(
          offersTLS: declaration.tls == .starttls && connection.tls == nil,
          allowsPlainText: acceptsPlaintext(from: connection.peer.address), isSecure: connection.tls != nil),
        banner: "Portside at \(hostname)", isWatched: surroundings.context.events.isWatched(.telnet))
    }
    try await listener.start(descriptor: descriptor, on: surroundings.group)
    return RunningListener { await listener.drain(within: $0) }
  }

  // MARK: Serial lines

  private static func line(of declaration: ListenerDeclaration) -> ConfigurationName? {
    guard declaration.key.hasPrefix("lines.") else { return nil }
    return try? ConfigurationName(configuration: String(declaration.key.dropFirst(6)))
  }

  private func listen(
    line name: ConfigurationName, _ descriptor: Int32, _ settings: WorkerSettings
  ) async throws -> RunningListener {
    let surroundings = surroundings
    let handler = SerialLineHandler(name: name.description, context: surroundings.context) { [self] in
      configured(name).map { line in
        let flows: [TelnetLine.Flow: SerialSettings.FlowControl] = [.software: .software, .hardware: .hardware]
        let settings = SerialSettings(
          speed: UInt32(clamping: line.speed), format: line.format.description, flow: flows[line.flow] ?? .none)
        return SerialLineHandler.Line(device: line.device.description, settings: settings ?? SerialSettings())
      }
    }
    let listener = StreamListener<SerialLineSession, SerialLineHandler>(
      configuration: StreamListenerConfiguration(
        service: .telnet, proxies: settings.configuration.proxyProtocol.from,
        refusal: Array("This server takes no more connections from you at the moment.\r\n".utf8)),
      context: surroundings.context, contexts: surroundings.contexts, counter: surroundings.counter,
      numbers: surroundings.numbers, handler: handler
    ) { [self] connection in
      SerialLineSession(
        name: name.description, isAllowed: configured(name)?.serves(connection.peer.address) ?? false,
        isWatched: surroundings.context.events.isWatched(.telnet))
    }
    try await listener.start(descriptor: descriptor, on: surroundings.group)
    return RunningListener { await listener.drain(within: $0) }
  }

  private func configured(_ name: ConfigurationName) -> TelnetLine? {
    settings.withLock { $0.configuration.telnet.lines[name] }
  }

  private var hostname: String { settings.withLock { $0.configuration.server.hostname.description } }

  private func acceptsPlaintext(from peer: IPAddress) -> Bool {
    settings.withLock { $0.configuration.telnet.acceptsPlaintext(from: peer) }
  }
}
