import Services
import Testing
import WireKit

@testable import Supervision

/// The parts that need no process.
struct PartsTests {
  @Test func socketTable() throws {
    let text = """
        sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
         0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41523 1 0000000000000000
         1: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 0:0 00:0 0 101 0 77 2
         2: 0100007F:1F90 0100007F:C000 06 00000000:00000000 03:00000000 00000000     0        0 0 3
         3: 0100007F 00000000:0000 0A 0 0 0 0 0 0 0
         4: G100007F:1F90 00000000:0000 0A 0 0 0 0 0 9 0
      """
    let rows = SocketTable.rows(Array(text.utf8))
    #expect(rows.map(\.local.description) == ["127.0.0.1:8080", "[::1]:53"])
    #expect(rows.map(\.inode) == [41523, 77])
  }

  @Test(arguments: [
    ("127.0.0.1:80", "127.0.0.1:80", true), ("0.0.0.0:80", "127.0.0.1:80", true), ("127.0.0.1:80", "0.0.0.0:80", true),
    ("[::]:80", "127.0.0.1:80", true), ("127.0.0.2:80", "127.0.0.1:80", false), ("127.0.0.1:81", "127.0.0.1:80", false),
    ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true),
  ])
  func whoIsInTheWay(theirs: String, ours: String, expected: Bool) throws {
    let (bound, wanted) = (try #require(Endpoint(theirs)), try #require(Endpoint(ours)))
    #expect(SocketTable.Row(local: bound, state: 10, inode: 1).isInTheWay(of: wanted) == expected)
    #expect(!SocketTable.Row(local: bound, state: 1, inode: 1).isInTheWay(of: wanted), "a connection is not")
  }

  @Test func packets() throws {
    let packet = ControlPacket(.ready, 7, [1, 2, 3])
    #expect(packet.encoded == [17, 0, 0, 0, 7, 1, 2, 3])
    #expect(try ControlPacket(decoding: packet.encoded.span.bytes) == packet)
    // A worker may be in an attacker's hands: whatever it sends is refused or read, and never more.
    for hostile: [UInt8] in [[], [17], [17, 0, 0, 0], [0, 0, 0, 0, 0], [99, 0, 0, 0, 1]] {
      #expect(throws: WireError.self) { try ControlPacket(decoding: hostile.span.bytes) }
    }
    #expect(ControlPacket(.failed, 0, Array("a\u{1B}[2J\nb".utf8)).text == "a?[2J?b")
    #expect(ControlPacket(.failed, 0, [0xFF, 0x41]).text == "\u{FFFD}A")
    #expect(ControlPacket(.failed, 0, text: String(repeating: "x", count: 9000)).body.count == 2000)
    #expect(throws: SupervisionError.self) { try ControlPacket(.begin, 1, [0x7B]).header(as: BeginHeader.self) }
  }

  @Test func configurationIsPutTogether() throws {
    let begin = try ControlPacket(
      .begin, 3,
      header: BeginHeader(worker: .web, supervisor: 1, heartbeatMilliseconds: 5, confinement: Confinement()))
    var assembly = ConfigurationAssembly()
    #expect(throws: SupervisionError.self) { try assembly.take(ControlPacket(.commit, 3), []) }
    #expect(try assembly.take(begin, []) == nil)
    #expect(try assembly.take(ControlPacket(.bytes, 3, [1, 2]), []) == nil)
    #expect(try assembly.take(ControlPacket(.bytes, 3, [3]), []) == nil)
    let configuration = try #require(try assembly.take(ControlPacket(.commit, 3), []))
    #expect(configuration.bytes == [1, 2, 3])
    #expect(configuration.generation == 3)
    #expect(throws: SupervisionError.self) { try assembly.take(ControlPacket(.heartbeat, 3), []) }
  }

  @Test func invalidPlansAreRefused() throws {
    let place = SocketPlace.tcp(Endpoint(IPAddress(127, 0, 0, 1), 80))
    func plan(_ sockets: SocketPlan...) -> SupervisionPlan {
      SupervisionPlan([
        WorkerPlan(name: .web, sockets: sockets, configuration: [], confinement: Confinement())
      ])
    }
    let refused = [
      (plan(SocketPlan(name: "a", place: place), SocketPlan(name: "a", place: place)), "two sockets are named 'a'"),
      (
        plan(SocketPlan(name: "a", place: place), SocketPlan(name: "b", place: place)),
        "tcp 127.0.0.1:80 is planned twice"
      ),
      (plan(SocketPlan(name: "a", place: place, count: 0)), "0 sockets"),
      (plan(SocketPlan(name: "a", place: place, count: 65)), "65 sockets"),
      (plan(SocketPlan(name: "a", place: .unixStream(path: "/x"), count: 2)), "can't be shared"),
      (plan(SocketPlan(name: "a", place: .unixStream(path: "/" + String(repeating: "x", count: 107)))), "107 bytes"),
    ]
    for (plan, reason) in refused {
      let error = #expect(throws: SupervisionError.self) { try plan.validate() }
      #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }
    let zero = SocketPlace.tcp(Endpoint(IPAddress(127, 0, 0, 1), 0))
    try plan(SocketPlan(name: "a", place: zero), SocketPlan(name: "b", place: zero)).validate()
  }

  @Test func differences() {
    func worker(_ name: WorkerName, _ byte: UInt8, read: [String] = []) -> WorkerPlan {
      WorkerPlan(name: name, sockets: [], configuration: [byte], confinement: Confinement(readPaths: read))
    }
    let difference = PlanDifference(
      from: SupervisionPlan([worker(.gate, 1), worker(.web, 1), worker(.mail, 1), worker(.names, 1)]),
      to: SupervisionPlan([worker(.gate, 1), worker(.web, 2), worker(.mail, 1, read: ["/"]), worker(.access, 1)]))
    #expect(difference.steps.map(\.step) == [.keep, .tell, .replace, .start])
    #expect(difference.stopped == [.names])
  }
}
