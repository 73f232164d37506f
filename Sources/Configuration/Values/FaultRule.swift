import Services

/// A fault of a laboratory's service: `imap=close:100`.
public struct FaultRule: Hashable, Sendable {
  public let service: ServiceName
  public let fault: ConnectionFault
  public let description: String
}

extension FaultRule: ConfigurationText {
  public static var typeName: String { "fault" }
  public static var form: String {
    "a fault such as \"imap=close:100\": SERVICE=refuse, drop, delay:TIME, close:BYTES or corrupt:BYTES"
  }

  public init(configuration text: String) throws(TextError) {
    let parts = ASCIIText.split(text, on: UInt8(ascii: "="))
    guard parts.count == 2 else { throw Self.mismatch(text) }
    guard let service = ServiceName(rawValue: String(parts[0])) else {
      throw Self.mismatch(
        text, hint: NearestName.hint(String(parts[0]), among: ServiceName.allCases.map(\.rawValue)))
    }
    guard service != .dhcp, service != .tftp else {
      throw Self.mismatch(text, hint: "faults are of connections: dhcp and tftp have none")
    }
    let words = ASCIIText.split(String(parts[1]), on: UInt8(ascii: ":"))
    guard let kind = words.first, words.count <= 2 else { throw Self.mismatch(text) }
    let value = words.count == 2 ? String(words[1]) : nil
    switch (String(kind), value) {
    case ("refuse", nil): fault = .refuse
    case ("drop", nil): fault = .drop
    case ("delay", let value?):
      let time = try DurationText.parse(value)
      guard time > .zero, time <= .seconds(600) else { throw Self.mismatch(text, hint: "a delay of 1ms to 10m") }
      fault = .delay(time)
    case ("close", let value?): fault = .close(after: try Self.count(value, in: 0...1_000_000_000, text))
    case ("corrupt", let value?): fault = .corrupt(every: try Self.count(value, in: 1...1_000_000_000, text))
    default: throw Self.mismatch(text)
    }
    self.service = service
    description = text
  }

  private static func count(_ value: String, in range: ClosedRange<Int>, _ text: String) throws(TextError) -> Int {
    guard let number = ASCIIText.number(value[...], as: Int.self), range.contains(number) else {
      throw mismatch(text, hint: "a number of bytes, \(range.lowerBound) or more")
    }
    return number
  }
}
