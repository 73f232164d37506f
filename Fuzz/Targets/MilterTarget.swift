import MilterCore
import TestKit
import WireKit

extension FuzzTarget {
  static let milter = FuzzTarget(
    "milter", "Whatever a milter says, there is one verdict, and no field that it adds is more than one."
  ) { bytes in
    let input = FuzzInput(bytes)
    let message = MilterMessage(
      hostname: "s.test", clientName: "c.test", client: Endpoint(IPAddress(192, 0, 2, 1), 1), helloName: "c",
      id: "i", sender: "", recipients: ["a@b.test"], fields: [("Subject", [0x78])])
    let driver = SessionDriver(MilterSession(message: message, patience: .seconds(1))) { _ in .end }
    driver.open()
    for piece in input.pieces { driver.receive(piece) }
    driver.closeInput()
    let verdicts = driver.events.compactMap { if case .finished(let verdict) = $0 { verdict } else { nil } }
    try require(verdicts.count == 1, "\(verdicts.count) verdicts")
    for change in verdicts[0].changes {
      switch change {
      case .addField(let name, let value), .insertField(_, let name, let value):
        try require(!name.contains { $0 == ":" || $0 == "\n" || $0 == "\r" }, name)
        for (index, byte) in value.enumerated() where byte == 0x0A {
          try require(index + 1 < value.count && [0x20, 0x09].contains(value[index + 1]), "a field of two")
        }
      default: break
      }
    }
  }
}
