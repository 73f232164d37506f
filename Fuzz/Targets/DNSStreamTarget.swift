import DNSCore
import TestKit
import WireKit

extension FuzzTarget {
  static let dnsStream = FuzzTarget(
    "dns-stream", "However the stream is cut, the same replies leave; it ends when the peer ends."
  ) { bytes in
    let input = FuzzInput(bytes)
    let zones = try streamZones.get()
    let whole = replies(to: [input.payload[...]], zones)
    let parts = replies(to: input.pieces, zones)
    try require(whole == parts, "\(whole.count) octets whole, \(parts.count) in pieces")
    // A query of 14 octets gets at most a whole message.
    try require(whole.count <= (input.payload.count / 14 + 1) * 65537, "\(whole.count) octets")
  }

  private static let streamZones = Result { try SampleZones.make() }

  private static func replies(to pieces: [ArraySlice<UInt8>], _ zones: ZoneSet) -> [UInt8] {
    let driver = SessionDriver(DNSStreamSession(responder: Responder(zones: zones)))
    driver.open()
    for piece in pieces { driver.receive(piece) }
    driver.closeInput()
    precondition(driver.close != nil, "the session goes on after the peer's end")
    return driver.takeOutput()
  }
}
