import HTTPCore
import TestKit
import WireKit

extension FuzzTarget {
  static let http1Server = FuzzTarget(
    "http1-server", "Whatever comes, the session ends after its peer, and what it writes is bounded by what it got."
  ) { bytes in
    let input = FuzzInput(bytes)
    try converse(input.pieces, input, HTTPSessionConfiguration(isSecure: true))
  }

  static let http2Server = FuzzTarget(
    "http2-server", "Whatever frames come, the session ends, its handlers stay few, and its output is bounded."
  ) { bytes in
    let input = FuzzInput(bytes)
    let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    try converse(
      [preface[...]] + input.pieces, input, HTTPSessionConfiguration(isSecure: true, applicationProtocol: "h2"))
  }

  /// Content in memory.
  private final class Text: HTTPContent {
    let bytes = Array("the content of a file".utf8)
  }

  private static func reply(_ request: HTTPRequest) -> HTTPReply {
    if request.method == .post { return HTTPReply(.noContent) }
    if request.path == "/file" {
      let text = Text()
      return HTTPReply(.ok, content: .content(text, 0..<Int64(text.bytes.count)))
    }
    return HTTPReply(.ok, content: .bytes([0x68, 0x69]))
  }

  private static func converse(
    _ pieces: [ArraySlice<UInt8>], _ input: FuzzInput, _ configuration: HTTPSessionConfiguration
  ) throws {
    // With this bit handlers answer late, after all input has come.
    let answersLate = input.control & 4 != 0
    let driver = SessionDriver(
      HTTPServerSession(configuration),
      answer: { demand in
        guard !answersLate, case .respond(let request) = demand else { return nil }
        return .reply(reply(request))
      },
      content: { content, range in
        guard let content = content as? Text else { return [] }
        return Array(content.bytes[Int(range.lowerBound)..<Int(range.upperBound)])
      })
    driver.open()
    for piece in pieces {
      driver.receive(piece)
      try require(driver.requests.count <= configuration.limits.streams, "\(driver.requests.count) handlers")
    }
    while let (demand, ticket) = driver.requests.first, case .respond(let request) = demand, driver.close == nil {
      driver.resume(.reply(reply(request)), for: ticket)
    }
    // A handler that was cancelled ends as well, and says so: until then its stream counts.
    for ticket in driver.cancelled { driver.resume(.broken, for: ticket) }
    driver.closeInput()
    driver.advance(by: .seconds(600))
    try require(driver.close != nil, "the session goes on")
    let received = driver.bodies.values.reduce(0) { $0 + $1.count }
    try require(received <= input.payload.count, "\(received) octets of content from \(input.payload.count)")
    try require(driver.output.count <= 4096 + 256 * input.payload.count, "\(driver.output.count) octets of output")
  }
}
