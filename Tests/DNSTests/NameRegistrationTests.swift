import DNSCore
import Testing
import WireKit

/// Names of DHCP clients by updates (RFC 4703), carried out on a zone by the code that takes updates.
@Suite struct NameRegistrationTests {
  private static let address = IPAddress(192, 0, 2, 7)

  private static func name(_ text: String) throws -> Name { try Name(text) }

  private static func owner(_ digit: UInt8) throws -> RData {
    let wire: [UInt8] = [0, 1, 1] + [UInt8](repeating: digit, count: 32)
    return try RData(type: .dhcid, wire: wire.span.bytes)
  }

  /// Answers to what the registration sends, in order; then how it ended, and what it sent.
  private static func run(
    _ task: NameRegistration.Task, _ codes: [ResponseCode]
  ) throws -> (end: NameRegistration.Step, sent: [Message]) {
    var registration = NameRegistration(task, owner: try owner(1), in: try name("lab.test"))
    var step = registration.next()
    var sent: [Message] = []
    for code in codes {
      guard case .send(let message) = step else { break }
      // Each is a message that a server can read.
      #expect(try Message.decode(try message.encoded()) == message)
      sent.append(message)
      step = registration.next(after: code)
    }
    return (step, sent)
  }

  private static func forward() throws -> ResourceRecord {
    ResourceRecord(try name("pc.lab.test"), ttl: 60, RData(A(address)))
  }

  @Test func aNewNameNeedsOneUpdate() throws {
    let result = try Self.run(.addForward(try Self.forward()), [.noError])
    #expect(result.end == .done)
    #expect(result.sent.map(\.authorities.count) == [2])
    #expect(result.sent[0].answers.map(\.recordClass) == [.none])
  }

  @Test func anOwnNameTakesTheNewAddress() throws {
    let result = try Self.run(.addForward(try Self.forward()), [.yxDomain, .noError])
    #expect(result.end == .done)
    #expect(result.sent[1].answers.map(\.data) == [try Self.owner(1)])
    #expect(result.sent[1].authorities.map(\.recordClass) == [.any, .in])
  }

  @Test func whatIsAnothersStays() throws {
    #expect(try Self.run(.addForward(try Self.forward()), [.yxDomain, .nxRRSet]).end == .conflict)
    #expect(try Self.run(.addForward(try Self.forward()), [.refused]).end == .refused(.refused))
    #expect(try Self.run(.removeForward(try Self.forward()), [.nxRRSet]).end == .done)
  }

  /// A name that comes and goes between the updates does not keep us for ever.
  @Test func aRaceEnds() throws {
    let codes: [ResponseCode] = Array(repeating: [.yxDomain, .nxDomain], count: 9).flatMap { $0 }
    let result = try Self.run(.addForward(try Self.forward()), codes)
    #expect(result.end == .conflict)
    #expect(result.sent.count == 6)
  }

  @Test func theLastAddressTakesTheNameAlong() throws {
    let result = try Self.run(.removeForward(try Self.forward()), [.noError, .noError])
    #expect(result.end == .done)
    #expect(result.sent[0].authorities.map(\.recordClass) == [.none])
    #expect(result.sent[1].authorities.map(\.type) == [.dhcid])
    // An AAAA keeps it.
    #expect(try Self.run(.removeForward(try Self.forward()), [.noError, .yxRRSet]).end == .done)
  }
}
