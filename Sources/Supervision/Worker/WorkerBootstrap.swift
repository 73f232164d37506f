import Glibc
import SystemShims

/// A worker's first steps, before it reads a byte of any peer's.
public enum WorkerBootstrap {
  /// Where the supervisor puts its end of the channel.
  static let descriptor: Int32 = 3

  /// Takes the first configuration from the supervisor, confines this process, and starts to listen to the supervisor.
  ///
  /// To be called first thing in `main`, before any thread or task exists: what is confined is the calling thread and
  /// those that it starts later. Returns the channel, or ends the process when it was not started by a supervisor or
  /// can't be confined: a worker never runs without its parent or its bounds.
  public static func start() -> WorkerChannel {
    var room = [UInt8](repeating: 0, count: ControlPacket.sizeLimit)
    ResourceLimits.raiseDescriptors()
    do throws(SupervisionError) {
      guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
        throw SupervisionError(.channel, "'worker' is started by the server itself, not by people")
      }
      let socket = PacketSocket(descriptor: Descriptor(descriptor))
      var assembly = ConfigurationAssembly()
      var first: WorkerConfiguration?
      while first == nil {
        switch try socket.receive(into: &room, blocking: true) {
        case .packet(let packet, let descriptors): first = try assembly.take(packet, descriptors)
        case .end, .nothing: exit(0)
        }
      }
      guard let first, let header = assembly.header else { exit(0) }
      let report = try confine(header, socket, first.generation)
      return try WorkerChannel(socket, header, first, report)
    } catch {
      let line = Array("portside worker: \(error)\n".utf8)
      _ = write(2, line, line.count)
      exit(64)
    }
  }

  private static func confine(
    _ header: BeginHeader, _ socket: PacketSocket, _ generation: UInt32
  ) throws(SupervisionError) -> ConfinementReport {
    portside_name_thread("portside-\(header.worker)")
    // A peer that closes is an error of write, not the end; and only the supervisor ends a worker: a service manager
    // or a terminal may signal all processes at once, and then the drain would be cut short.
    for number in [SIGPIPE, SIGTERM, SIGINT, SIGHUP] { signal(number, SIG_IGN) }
    do throws(SupervisionError) {
      let report = try header.confinement.apply()
      // The change of user has taken it away.
      guard portside_die_with_parent(header.supervisor, SIGKILL) == 0 else { exit(0) }
      _ = try socket.send(ControlPacket(.confined, generation, text: report.description), blocking: true)
      return report
    } catch {
      _ = try? socket.send(ControlPacket(.failed, generation, text: error.description), blocking: true)
      throw error
    }
  }
}
