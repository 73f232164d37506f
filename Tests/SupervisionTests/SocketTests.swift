import Foundation
import Testing
import WireKit

@testable import Supervision

/// Binding, sharing and giving back sockets, without any worker.
struct SocketTests {
  private func plan(_ sockets: [SocketPlan]) -> SupervisionPlan {
    SupervisionPlan([WorkerPlan(name: .web, sockets: sockets, configuration: [], confinement: Confinement())])
  }

  private func bound(_ sockets: [SocketPlan]) throws -> SocketRegistry {
    var none = ServiceManagerSockets()
    return try SocketRegistry().prepared(for: plan(sockets), inherited: &none)
  }

  /// A place that no other test comes by: on an address of the loopback network that only this one uses, and below the
  /// ports that the kernel gives out by itself.
  private func unusedPlace() -> SocketPlace {
    let octets = (0..<2).map { _ in UInt8.random(in: 1...250) }
    return .tcp(Endpoint(IPAddress(127, 77, octets[0], octets[1]), UInt16.random(in: 20_000..<30_000)))
  }

  private func endpoint(_ text: String) throws -> Endpoint { try #require(Endpoint(text)) }

  @Test(arguments: ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"], [1, 4])
  func groupsShareOnePort(address: String, count: Int) throws {
    let endpoint = try endpoint(address)
    for place in [SocketPlace.tcp(endpoint), .udp(endpoint)] {
      let group = try #require(try bound([SocketPlan(name: "a", place: place, count: count)]).sockets(of: .web).first)
      #expect(group.descriptors.count == count)
      let port = try #require(group.place.endpoint?.port)
      #expect(port != 0)
      for descriptor in group.descriptors {
        #expect(SocketAddress.place(of: descriptor.number) == group.place)
        #expect(fcntl(descriptor.number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(descriptor.number, F_GETFL) & O_NONBLOCK != 0)
      }
    }
  }

  @Test func addressesOfOtherMachines() throws {
    // RFC 5737: no machine has it.
    let place = SocketPlace.tcp(try endpoint("192.0.2.1:0"))
    let error = #expect(throws: SupervisionError.self) { try bound([SocketPlan(name: "a", place: place)]) }
    #expect(error?.description == "tcp 192.0.2.1:0: this machine doesn't have the address")
    #expect(throws: Never.self) { try bound([SocketPlan(name: "a", place: place, isFreeBind: true)]) }
  }

  @Test func failureLeavesNothingBound() async throws {
    let taken = try BoundPort()
    let free = unusedPlace()
    let both = [
      SocketPlan(name: "a", place: free), SocketPlan(name: "b", place: .tcp(try endpoint("127.0.0.1:\(taken.port)"))),
    ]
    let error = #expect(throws: SupervisionError.self) { try bound(both) }
    #expect(error?.description == "tcp 127.0.0.1:\(taken.port) is in use by this server itself")
    // Other tests of this process start children meanwhile, and a child has a copy of every descriptor until it has
    // closed them. A supervisor binds and spawns on one thread. What leaked would stay bound for good.
    #expect(try await eventually { (try? bound([both[0]])) != nil })
  }

  @Test func sharingIsForOurselvesAlone() throws {
    // SO_REUSEPORT would let two servers of one user share an address without a word.
    for count in [1, 2] {
      let first = try bound([SocketPlan(name: "a", place: .udp(endpoint("127.0.0.1:0")), count: count)])
      let place = try #require(first.sockets(of: .web).first?.place)
      let error = #expect(throws: SupervisionError.self) {
        try bound([SocketPlan(name: "a", place: place, count: 2)])
      }
      #expect(error?.code == .addressTaken)
      withExtendedLifetime(first) {}
    }
  }

  @Test func keptSocketsAreTheSameOnes() throws {
    var none = ServiceManagerSockets()
    let zero = try endpoint("127.0.0.1:0")
    let kept = SocketPlan(name: "kept", place: .tcp(zero))
    let first = try bound([kept, SocketPlan(name: "gone", place: .tcp(zero))])
    let other = WorkerPlan(name: .mail, sockets: [kept], configuration: [], confinement: Confinement())
    var next = plan([kept])
    next.workers.insert(other, at: 0)
    let second = try first.prepared(for: next, inherited: &none)
    let (before, after) = (first.sockets(of: .web), second.sockets(of: .web))
    #expect(after.map(\.place) == [before[0].place])
    #expect(after[0].descriptors.map(\.number) == before[0].descriptors.map(\.number))
    // "Any port" of another worker is another port, whatever its name.
    #expect(second.sockets(of: .mail)[0].place != before[0].place)
  }

  @Test func writtenOutAddressMovesBetweenWorkers() throws {
    var none = ServiceManagerSockets()
    let free = unusedPlace()
    let first = try bound([SocketPlan(name: "a", place: free)])
    let moved = WorkerPlan(
      name: .access, sockets: [SocketPlan(name: "b", place: free)], configuration: [], confinement: Confinement())
    let second = try first.prepared(for: SupervisionPlan([moved]), inherited: &none)
    #expect(
      second.sockets(of: .access)[0].descriptors.map(\.number) == first.sockets(of: .web)[0].descriptors.map(\.number))
    #expect(second.sockets(of: .web).isEmpty)
  }

  @Test func serviceManagersSockets() throws {
    let ports = [try BoundPort(), try BoundPort(), try BoundPort()]
    var given = ServiceManagerSockets(ports.enumerated().map { ("s\($0)", Descriptor(dup($1.number))) })
    let first = SocketPlan(name: "x", place: .tcp(try endpoint("127.0.0.1:\(ports[0].port)")))
    #expect(given.take(first)?.place == first.place, "by its address")
    #expect(given.take(first) == nil, "each one once")
    let second = SocketPlan(name: "s1", place: .tcp(try endpoint("0.0.0.0:80")))
    #expect(given.take(second)?.place.endpoint?.port == ports[1].port, "by its name")
    #expect(given.take(SocketPlan(name: "s2", place: .udp(try endpoint("127.0.0.1:0")))) == nil, "of another kind")
    #expect(given.places.map { $0.endpoint?.port } == [ports[2].port])
  }
}
