import Datagrams
import Glibc
import Services
import TFTPCore
import WireKit

/// A TFTP server (RFC 1350, 2347, 2348, 2349, 7440) over sockets that it is given or opens itself.
///
/// A thread per listening socket takes the requests; the transfers of each run on further threads, thousands on each, or,
/// with a single port, on the same one. Writes have a thread of their own, so that no read waits for a disk to sync.
public final class TFTPServer: Sendable {
  private let configuration: TFTPServerConfiguration
  private let context: LoopContext
  private let resolver: FileResolver
  private let threads: [ServiceThread]
  private let ownSockets: [CInt]
  /// Where the server listens.
  public let endpoints: [Endpoint]

  /// A configuration that cannot work, or a directory or socket that cannot be had.
  public struct StartError: Error, Sendable, CustomStringConvertible {
    public let description: String
  }

  /// Opens the endpoints and serves them.
  public static func start(
    _ configuration: TFTPServerConfiguration, on endpoints: [Endpoint], clock: any Clock, events: any EventSink,
    directory: any ClientDirectory = EmptyClientDirectory(), meters: Meters = Meters()
  ) throws(StartError) -> TFTPServer {
    var sockets: [CInt] = []
    do {
      for endpoint in endpoints { sockets.append(try UDPSocket.open(endpoint)) }
      return try TFTPServer(
        configuration, sockets: sockets, closing: sockets, clock: clock, events: events, directory: directory,
        meters: meters)
    } catch {
      for socket in sockets { close(socket) }
      throw StartError(description: "\(error)")
    }
  }

  /// Serves bound UDP sockets, which stay the caller's to close after `stop`.
  public convenience init(
    _ configuration: TFTPServerConfiguration, sockets: [CInt], clock: any Clock, events: any EventSink,
    directory: any ClientDirectory = EmptyClientDirectory(), meters: Meters = Meters()
  ) throws {
    try self.init(
      configuration, sockets: sockets, closing: [], clock: clock, events: events, directory: directory,
      meters: meters)
  }

  private init(
    _ configuration: TFTPServerConfiguration, sockets: [CInt], closing: [CInt], clock: any Clock, events: any EventSink,
    directory: any ClientDirectory, meters: Meters
  ) throws {
    let problems = configuration.problems()
    guard problems.isEmpty else { throw StartError(description: problems.joined(separator: "; ")) }
    self.configuration = configuration
    resolver = try FileResolver(configuration, directory: directory, clock: clock)
    context = LoopContext(
      clock: clock, events: events, maximumTransfers: configuration.maximumTransfers,
      maximumTransfersPerSource: configuration.maximumTransfersPerSource,
      sendsInSegments: configuration.sendsInSegments,
      meter: meters.meter(.tftp, []))
    var opened: [CInt] = closing
    var threads: [ServiceThread] = []
    var endpoints: [Endpoint] = []
    do {
      for socket in sockets {
        let endpoint = try UDPSocket.localEndpoint(socket)
        endpoints.append(endpoint)
        let admission = Admission(configuration, resolver, context)
        if !configuration.usesSinglePort {
          // The last one is for writes.
          for index in 0...configuration.transferThreads {
            let transferSocket = try Self.openTransferSocket(endpoint.address, configuration.transferPorts)
            opened.append(transferSocket)
            let loop = try TransferLoop(socket: transferSocket, context: context, admission: nil)
            admission.add(loop, forWrites: index == configuration.transferThreads)
            threads.append(try ServiceThread.start("tftp-transfer") { loop.run($0) })
          }
        }
        let sealed = admission.sealed()
        let loop = try TransferLoop(socket: socket, context: context, admission: sealed)
        threads.append(try ServiceThread.start("tftp-listen") { loop.run($0) })
      }
    } catch {
      for thread in threads { thread.stop() }
      throw error
    }
    self.threads = threads
    self.endpoints = endpoints
    ownSockets = opened
  }

  /// Ends all transfers, telling each client, and closes what the server opened.
  public func stop() async {
    for thread in threads { thread.stop() }
    for thread in threads { await thread.finished() }
    for socket in ownSockets { close(socket) }
  }

  private static func openTransferSocket(
    _ address: IPAddress, _ ports: ClosedRange<UInt16>?
  ) throws(SystemError) -> CInt {
    guard let ports else { return try UDPSocket.open(Endpoint(address, 0)) }
    for port in ports {
      do throws(SystemError) { return try UDPSocket.open(Endpoint(address, port)) } catch
        where error.number == EADDRINUSE
      {
        continue
      }
    }
    throw SystemError("bind: every transfer port is taken", EADDRINUSE)
  }
}
