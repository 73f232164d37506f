/// Consecutive ports, both ends included: `50000-50019`.
public struct PortRange: Hashable, Sendable {
  public let lowest: UInt16
  public let highest: UInt16

  /// `nil` when the ends are the wrong way round or the range begins at 0.
  public init?(_ lowest: UInt16, _ highest: UInt16) {
    guard lowest >= 1, lowest <= highest else { return nil }
    self.lowest = lowest
    self.highest = highest
  }

  /// For ranges written in the program's own text.
  init(constant lowest: UInt16, _ highest: UInt16) {
    precondition(1 <= lowest && lowest <= highest)
    self.lowest = lowest
    self.highest = highest
  }

  public var count: Int { Int(highest) - Int(lowest) + 1 }

  public func contains(_ port: UInt16) -> Bool { lowest <= port && port <= highest }
}

extension PortRange: ConfigurationText {
  public static var typeName: String { "port range" }
  public static var form: String { "a range of ports such as \"50000-50019\"" }

  public init(configuration text: String) throws(TextError) {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let lowest = ASCIIText.number(ends[0], as: UInt16.self),
      let highest = ASCIIText.number(ends[1], as: UInt16.self), lowest >= 1
    else { throw Self.mismatch(text) }
    guard let range = PortRange(lowest, highest) else {
      throw TextError("\"\(text)\" ends before it begins", hint: "did you mean \"\(highest)-\(lowest)\"?")
    }
    self = range
  }

  public var description: String { "\(lowest)-\(highest)" }
}
