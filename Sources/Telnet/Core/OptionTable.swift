/// All options of both sides of a connection.
struct OptionTable: Sendable {
  /// A change that came of what the other side said.
  enum Change: Sendable, Hashable {
    case on, off
    /// What we asked for was refused.
    case refused
  }

  private var ours: [TelnetOption: OptionState] = [:]
  private var theirs: [TelnetOption: OptionState] = [:]
  /// What we do when we are asked to.
  let offered: Set<TelnetOption>
  /// What the other side may do.
  let accepted: Set<TelnetOption>

  init(offered: Set<TelnetOption>, accepted: Set<TelnetOption>) {
    self.offered = offered
    self.accepted = accepted
  }

  /// Whether we do it.
  func isOurs(_ option: TelnetOption) -> Bool { ours[option]?.isOn ?? false }
  /// Whether the other side does it.
  func isTheirs(_ option: TelnetOption) -> Bool { theirs[option]?.isOn ?? false }

  /// Whether nothing is on, and nothing that was asked for is still open.
  var isEmpty: Bool { ours.isEmpty && theirs.isEmpty }

  /// All that is on, as WILL and DO.
  var summary: [(NegotiationVerb, TelnetOption)] {
    let mine = ours.filter(\.value.isOn).keys.sorted { $0.rawValue < $1.rawValue }
    let his = theirs.filter(\.value.isOn).keys.sorted { $0.rawValue < $1.rawValue }
    return mine.map { (.will, $0) } + his.map { (.do, $0) }
  }

  /// Takes what the other side said. Returns what changed, if something did; what is to be answered is appended.
  mutating func heard(
    _ verb: NegotiationVerb, _ option: TelnetOption, into answers: inout [(NegotiationVerb, TelnetOption)]
  ) -> Change? {
    let isTheirs = verb == .will || verb == .wont
    var state = (isTheirs ? theirs : ours)[option] ?? OptionState()
    let wasOn = state.isOn
    let wasAsked = !state.isSettled
    let isAgreeable = (isTheirs ? accepted : offered).contains(option)
    let word =
      verb == .will || verb == .do ? state.heardPositive(isAgreeable: isAgreeable) : state.heardNegative()
    // Options that nobody uses are not remembered: their number is the other side's to choose.
    let kept = state == OptionState() ? nil : state
    if isTheirs { theirs[option] = kept } else { ours[option] = kept }
    if let word { answers.append((Self.verb(word, isTheirs: isTheirs), option)) }
    if state.isOn != wasOn { return state.isOn ? .on : .off }
    return wasAsked && state.isSettled && !state.isOn ? .refused : nil
  }

  /// Asks for an option of ours, or to end it.
  mutating func setOurs(_ option: TelnetOption, _ isWanted: Bool) -> (NegotiationVerb, TelnetOption)? {
    let word = isWanted ? ours[option, default: OptionState()].wantOn() : ours[option, default: OptionState()].wantOff()
    return word.map { (Self.verb($0, isTheirs: false), option) }
  }

  /// Asks for an option of theirs, or to end it.
  mutating func setTheirs(_ option: TelnetOption, _ isWanted: Bool) -> (NegotiationVerb, TelnetOption)? {
    let word =
      isWanted ? theirs[option, default: OptionState()].wantOn() : theirs[option, default: OptionState()].wantOff()
    return word.map { (Self.verb($0, isTheirs: true), option) }
  }

  private static func verb(_ word: OptionState.Word, isTheirs: Bool) -> NegotiationVerb {
    switch word {
    case .positive: isTheirs ? .do : .will
    case .negative: isTheirs ? .dont : .wont
    }
  }
}
