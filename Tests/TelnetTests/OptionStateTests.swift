import Testing

@testable import TelnetCore

struct OptionStateTests {
  enum Event: CaseIterable { case positive, positiveRefused, negative, wantOn, wantOff }

  private func apply(_ event: Event, to state: inout OptionState) -> OptionState.Word? {
    switch event {
    case .positive: state.heardPositive(isAgreeable: true)
    case .positiveRefused: state.heardPositive(isAgreeable: false)
    case .negative: state.heardNegative()
    case .wantOn: state.wantOn()
    case .wantOff: state.wantOff()
    }
  }

  /// RFC 1143 §7, the whole table, from every state to the next.
  @Test func everyRowOfTheTable() {
    let paths: [(String, [Event])] = [
      ("no", []), ("yes", [.positive]), ("wantNo", [.positive, .wantOff]),
      ("wantNo opposite", [.positive, .wantOff, .wantOn]), ("wantYes", [.wantOn]),
      ("wantYes opposite", [.wantOn, .wantOff]),
    ]
    let table: [String: [Event: (String, OptionState.Word?)]] = [
      "no": [
        .positive: ("yes", .positive), .positiveRefused: ("no", .negative), .negative: ("no", nil),
        .wantOn: ("wantYes", .positive), .wantOff: ("no", nil),
      ],
      "yes": [
        .positive: ("yes", nil), .positiveRefused: ("yes", nil), .negative: ("no", .negative), .wantOn: ("yes", nil),
        .wantOff: ("wantNo", .negative),
      ],
      "wantNo": [
        .positive: ("no", nil), .positiveRefused: ("no", nil), .negative: ("no", nil),
        .wantOn: ("wantNo opposite", nil),
        .wantOff: ("wantNo", nil),
      ],
      "wantNo opposite": [
        .positive: ("yes", nil), .positiveRefused: ("yes", nil), .negative: ("wantYes", .positive),
        .wantOn: ("wantNo opposite", nil), .wantOff: ("wantNo", nil),
      ],
      "wantYes": [
        .positive: ("yes", nil), .positiveRefused: ("yes", nil), .negative: ("no", nil), .wantOn: ("wantYes", nil),
        .wantOff: ("wantYes opposite", nil),
      ],
      "wantYes opposite": [
        .positive: ("wantNo", .negative), .positiveRefused: ("wantNo", .negative), .negative: ("no", nil),
        .wantOn: ("wantYes", nil), .wantOff: ("wantYes opposite", nil),
      ],
    ]
    let names: [OptionState.State: String] = [
      .no: "no", .yes: "yes", .wantNo(isOpposite: false): "wantNo", .wantNo(isOpposite: true): "wantNo opposite",
      .wantYes(isOpposite: false): "wantYes", .wantYes(isOpposite: true): "wantYes opposite",
    ]
    for (name, path) in paths {
      var start = OptionState()
      for event in path { _ = apply(event, to: &start) }
      #expect(names[start.state] == name)
      for event in Event.allCases {
        var state = start
        let word = apply(event, to: &state)
        #expect(names[state.state] == table[name]?[event]?.0, "\(name), \(event)")
        #expect(word == table[name]?[event]?.1, "\(name), \(event)")
      }
    }
  }

  /// Two machines that want now this, now that, whatever the order in which words arrive: they come to rest, and agree.
  @Test func twoMachinesComeToRest() {
    for script in 0..<4096 {
      var (here, there) = (OptionState(), OptionState())
      var toThere: [OptionState.Word] = []
      var toHere: [OptionState.Word] = []
      func hear(_ state: inout OptionState, _ word: OptionState.Word) -> OptionState.Word? {
        word == .positive ? state.heardPositive(isAgreeable: true) : state.heardNegative()
      }
      var bits = script
      for _ in 0..<6 {
        if let word = bits & 1 == 0 ? here.wantOn() : here.wantOff() { toThere.append(word) }
        if bits & 2 != 0, !toThere.isEmpty, let word = hear(&there, toThere.removeFirst()) { toHere.append(word) }
        bits >>= 2
      }
      var steps = 0
      while !toThere.isEmpty || !toHere.isEmpty {
        if !toThere.isEmpty, let word = hear(&there, toThere.removeFirst()) { toHere.append(word) }
        if !toHere.isEmpty, let word = hear(&here, toHere.removeFirst()) { toThere.append(word) }
        steps += 1
        guard steps < 100 else {
          Issue.record("script \(script) loops")
          return
        }
      }
      #expect(here.isSettled && there.isSettled && here.isOn == there.isOn, "script \(script)")
    }
  }
}
