/// LINEMODE (RFC 1184): the client edits lines itself, and knows which keys do what.
struct LineMode: Sendable {
  static let mode: UInt8 = 1
  static let forwardMask: UInt8 = 2
  static let specialCharacters: UInt8 = 3

  static let edit: UInt8 = 1
  static let trapSignals: UInt8 = 2
  static let acknowledge: UInt8 = 4

  private static let levelMask: UInt8 = 3
  private static let noSupport: UInt8 = 0
  private static let valueLevel: UInt8 = 2
  private static let defaultLevel: UInt8 = 3
  private static let acknowledged: UInt8 = 0x80

  /// Our keys, by the functions of RFC 1184 §2.4: BRK, IP, AO, ABORT, EOF, SUSP, EC, EL, EW, RP, LNEXT.
  private static let defaults: [UInt8: UInt8] = [
    2: 0, 3: 3, 4: 15, 7: 28, 8: 4, 9: 26, 10: 127, 11: 21, 12: 23, 13: 18, 14: 22,
  ]

  private(set) var mask: UInt8 = 0
  /// What was agreed on, by function.
  private var characters: [UInt8: (level: UInt8, value: UInt8)] = [:]

  /// Whether the client edits lines, and shows what is typed, by itself.
  var isEditing: Bool { mask & Self.edit != 0 }

  /// A sub-negotiation of the client's. Returns what is to be answered, without the option.
  mutating func heard(_ content: [UInt8]) -> [[UInt8]] {
    guard let kind = content.first else { return [] }
    switch kind {
    case Self.mode:
      guard content.count == 2 else { return [] }
      let wanted = content[1] & (Self.edit | Self.trapSignals)
      if content[1] & Self.acknowledge != 0 {
        // The client may confirm less than was asked for, never something else.
        mask = wanted
        return []
      }
      guard wanted != mask || content[1] != wanted else { return [] }
      mask = wanted
      return [[Self.mode, wanted | Self.acknowledge]]
    case Self.specialCharacters:
      let answer = heard(triplets: content.dropFirst())
      return answer.isEmpty ? [] : [[Self.specialCharacters] + answer]
    default: return []
    }
  }

  /// Each function is agreed on once: what equals what is known, or is an acknowledgement, is not answered.
  private mutating func heard(triplets: ArraySlice<UInt8>) -> [UInt8] {
    var answer: [UInt8] = []
    var rest = triplets
    while rest.count >= 3, answer.count < 3 * 32 {
      let (function, flags, value) = (rest[rest.startIndex], rest[rest.startIndex + 1], rest[rest.startIndex + 2])
      rest = rest.dropFirst(3)
      let level = flags & Self.levelMask
      if function == 0 {
        // All defaults are asked for.
        if level == Self.defaultLevel || level == Self.valueLevel { answer += Self.table }
        continue
      }
      guard function <= 30 else {
        if flags & Self.acknowledged == 0 { answer += [function, Self.noSupport, 0] }
        continue
      }
      if let known = characters[function], known == (level, value) { continue }
      if flags & Self.acknowledged != 0 {
        characters[function] = (level, value)
        continue
      }
      if level == Self.defaultLevel {
        let own = Self.defaults[function]
        answer += [function, own == nil ? Self.noSupport : Self.valueLevel, own ?? 0]
      } else {
        characters[function] = (level, value)
        answer += [function, flags | Self.acknowledged, value]
      }
    }
    return answer
  }

  private static var table: [UInt8] {
    defaults.sorted { $0.key < $1.key }.flatMap { [$0.key, valueLevel, $0.value] }
  }
}
