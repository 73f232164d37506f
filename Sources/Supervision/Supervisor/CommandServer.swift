import Glibc
import SystemShims
import WireKit

/// The control socket of the command line: one request a connection, a line of JSON, and one line as the answer.
///
/// ```
/// C: {"command":"status"}
/// S: {"ok":true,"status":{"pid":4711,"workers":[…]}}
/// ```
final class CommandServer {
  private struct Client {
    let descriptor: Descriptor
    var input: [UInt8] = []
    /// When the request must have come; `nil` once it has.
    var deadline: MonotonicTime?
  }

  /// A connection's number, never used twice.
  typealias ClientID = UInt64

  private static let clientLimit = 16
  private static let requestLimit = 4096
  let listener: Descriptor
  private let path: UnixPath
  private var clients: [ClientID: Client] = [:]
  private var lastID: ClientID = 0
  private var waitingForStop: [ClientID] = []

  init(path: String) throws(SupervisionError) {
    let place = SocketPlace.unixStream(path: path)
    let plan = SocketPlan(name: "control", place: place, backlog: 16)
    try SupervisionPlan([
      WorkerPlan(name: .gate, sockets: [plan], configuration: [], confinement: Confinement())
    ]).validate()
    let bound = try SocketBinder.bind(plan, besides: false)
    guard let listener = bound.descriptors.first, let owned = bound.path else {
      throw SupervisionError(.system, "bind \(place)")
    }
    self.listener = listener
    self.path = owned
  }

  /// The connections to watch.
  var watched: [(id: ClientID, number: Int32)] { clients.map { ($0.key, $0.value.descriptor.number) } }

  /// When a connection is late with its request.
  var nextDeadline: MonotonicTime? { clients.values.compactMap(\.deadline).min() }

  func dropLate(now: MonotonicTime) {
    clients = clients.filter { client in client.value.deadline.map { $0 > now } ?? true }
  }

  /// Accepts a connection, if it is of this process's user or of root.
  func accept(deadline: MonotonicTime) {
    let number = Glibc.accept(listener.number, nil, nil)
    guard number >= 0 else { return }
    let descriptor = Descriptor(number)
    // No child is started between the two lines: both are this thread's, and a child closes what is not its own anyway.
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    _ = fcntl(number, F_SETFL, O_NONBLOCK)
    var peer: pid_t = 0
    var user: uid_t = 0
    // The file's mode says the same; this holds wherever the file has been linked or moved to.
    guard portside_peer(number, &peer, &user) == 0, user == 0 || user == geteuid(), clients.count < Self.clientLimit
    else { return }
    lastID += 1
    clients[lastID] = Client(descriptor: descriptor, deadline: deadline)
  }

  /// What a connection asks for, once its line is complete. A connection that says anything else is answered and closed.
  func request(from id: ClientID) -> ControlRequest.Command? {
    guard var client = clients[id] else { return nil }
    var part = [UInt8](repeating: 0, count: Self.requestLimit)
    let count = recv(client.descriptor.number, &part, part.count, 0)
    if count < 0, errno == EAGAIN || errno == EINTR { return nil }
    // Gone, or talking while it should wait for its answer.
    guard count > 0, client.deadline != nil else {
      clients[id] = nil
      return nil
    }
    client.input += part.prefix(count)
    guard let end = client.input.firstIndex(of: 0x0A) else {
      clients[id] = client.input.count < Self.requestLimit ? client : nil
      return nil
    }
    client.deadline = nil
    clients[id] = client
    guard let request = ControlRequest(decoding: client.input[..<end]) else {
      answer(id, ControlAnswer(error: "the request is none of status, reload, stop"))
      return nil
    }
    return request.command
  }

  /// Sends the answer and closes the connection. It fits the socket's buffer; who doesn't read it loses it.
  func answer(_ id: ClientID, _ answer: ControlAnswer) {
    guard let client = clients.removeValue(forKey: id) else { return }
    let line = answer.encoded + [0x0A]
    _ = send(client.descriptor.number, line, line.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
  }

  /// Keeps a connection until everything has ended.
  func keepForStop(_ id: ClientID) { waitingForStop.append(id) }

  func answerStop(_ answer: ControlAnswer) {
    for id in waitingForStop { self.answer(id, answer) }
  }
}
