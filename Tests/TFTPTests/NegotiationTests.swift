import TFTPCore
import Testing

@Suite struct NegotiationTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var asked: [TransferOption]
    var granted: [TransferOption]
    var testDescription: String { asked.map { "\($0.name)=\($0.value)" }.joined(separator: ",") }
  }

  @Test(arguments: [
    Row(asked: [], granted: []),
    Row(asked: [TransferOption("blksize", 1468)], granted: [TransferOption("blksize", 1468)]),
    Row(asked: [TransferOption("blksize", 65_464)], granted: [TransferOption("blksize", 8192)]),
    Row(asked: [TransferOption("blksize", 7)], granted: []),
    Row(asked: [TransferOption("blksize", 65_465)], granted: []),
    Row(asked: [TransferOption("blksize", "-1")], granted: []),
    Row(asked: [TransferOption("blksize", "99999999999999999999999")], granted: []),
    Row(asked: [TransferOption("windowsize", 1000)], granted: [TransferOption("windowsize", 64)]),
    Row(asked: [TransferOption("windowsize", 0)], granted: []),
    Row(asked: [TransferOption("timeout", 3)], granted: [TransferOption("timeout", 3)]),
    Row(asked: [TransferOption("timeout", 256)], granted: []),
    Row(asked: [TransferOption("tsize", 0)], granted: [TransferOption("tsize", 4711)]),
    Row(asked: [TransferOption("multicast", "")], granted: []),
  ])
  func theServerGrants(row: Row) {
    var limits = Limits()
    limits.maximumBlockSize = 8192
    let result = Negotiation.grant(Request(.read, "f", options: row.asked), fileSize: 4711, limits: limits)
    #expect(result.granted == row.granted)
  }

  @Test func aWriteEchoesTheSize() {
    let request = Request(.write, "f", options: [TransferOption("tsize", 12)])
    let result = Negotiation.grant(request, fileSize: nil, limits: Limits())
    #expect(result.granted == request.options)
    #expect(result.parameters.transferSize == 12)
  }

  @Test(arguments: [
    [TransferOption("blksize", 2000)], [TransferOption("blksize", 4)], [TransferOption("windowsize", 1)],
    [TransferOption("blksize", "x")], [TransferOption("surprise", 1)],
  ])
  func theClientRefusesWhatItDidNotAskFor(granted: [TransferOption]) {
    let request = Request(.read, "f", options: [TransferOption("blksize", 1468)])
    #expect(throws: TransferFailure.self) { _ = try Negotiation.accept(granted, asked: request) }
  }

  @Test func theClientTakesLess() throws {
    let request = Request(.read, "f", options: [TransferOption("blksize", 1468), TransferOption("windowsize", 16)])
    let parameters = try Negotiation.accept([TransferOption("blksize", 512)], asked: request)
    #expect(parameters.blockSize == 512)
    #expect(parameters.windowSize == 1)
  }
}
