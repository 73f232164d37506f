import HTTPCore
import TestKit
import WireKit

extension FuzzTarget {
  static let httpClient = FuzzTarget(
    "http-client", "Whatever a server answers, each request ends in one way, and content never exceeds what came."
  ) { bytes in
    let input = FuzzInput(bytes)
    var asked = 0
    let driver = SessionDriver(HTTPClientSession(isHTTP2: input.control & 4 != 0)) { _ in
      guard asked < 3 else { return .finish }
      asked += 1
      return .perform(
        ClientRequest([.get, .head, .post][asked - 1], authority: "a.test", target: "/\(asked)", content: [0x78]))
    }
    driver.open()
    for piece in input.pieces { driver.receive(piece) }
    driver.closeInput()
    try require(driver.close != nil, "the session goes on after the peer's end")
    let received = driver.bodies.values.reduce(0) { $0 + $1.count }
    try require(received <= input.payload.count, "\(received) octets of content from \(input.payload.count)")
    var failed: Set<Ticket> = []
    for event in driver.events {
      guard case .failed(let ticket, _) = event else { continue }
      try require(failed.insert(ticket).inserted, "a request failed twice")
      try require(!driver.completedBodies.contains(ticket), "a complete answer failed")
    }
  }
}
