/// One option on one side of a connection, by the Q method (RFC 1143): six states, of which two remember that the opposite
/// of what was asked for is wanted by now. It never answers a word that changes nothing, so that no loop can form.
struct OptionState: Sendable, Hashable {
  enum State: Sendable, Hashable {
    case no, yes
    /// Asked to end; `isOpposite`: and wanted again meanwhile.
    case wantNo(isOpposite: Bool)
    /// Asked to begin; `isOpposite`: and not wanted any more.
    case wantYes(isOpposite: Bool)
  }

  /// What is to be said: DO or WILL, DONT or WONT, by the side that the option is on.
  enum Word: Sendable, Hashable { case positive, negative }

  private(set) var state = State.no

  var isOn: Bool { state == .yes }
  /// Whether nothing is on its way.
  var isSettled: Bool { state == .yes || state == .no }

  /// The other side said WILL (of its own side) or DO (of ours).
  mutating func heardPositive(isAgreeable: Bool) -> Word? {
    switch state {
    case .no:
      guard isAgreeable else { return .negative }
      state = .yes
      return .positive
    case .yes: return nil
    // An answer to DONT that the other side may not give.
    case .wantNo(isOpposite: false): state = .no
    case .wantNo(isOpposite: true): state = .yes
    case .wantYes(isOpposite: false): state = .yes
    case .wantYes(isOpposite: true):
      state = .wantNo(isOpposite: false)
      return .negative
    }
    return nil
  }

  /// The other side said WONT or DONT.
  mutating func heardNegative() -> Word? {
    switch state {
    case .no: return nil
    case .yes:
      state = .no
      return .negative
    case .wantNo(isOpposite: false): state = .no
    case .wantNo(isOpposite: true):
      state = .wantYes(isOpposite: false)
      return .positive
    case .wantYes: state = .no
    }
    return nil
  }

  /// We want it on.
  mutating func wantOn() -> Word? {
    switch state {
    case .no:
      state = .wantYes(isOpposite: false)
      return .positive
    case .yes, .wantNo(isOpposite: true), .wantYes(isOpposite: false): return nil
    case .wantNo(isOpposite: false): state = .wantNo(isOpposite: true)
    case .wantYes(isOpposite: true): state = .wantYes(isOpposite: false)
    }
    return nil
  }

  /// We want it off.
  mutating func wantOff() -> Word? {
    switch state {
    case .no, .wantNo(isOpposite: false), .wantYes(isOpposite: true): return nil
    case .yes:
      state = .wantNo(isOpposite: false)
      return .negative
    case .wantNo(isOpposite: true): state = .wantNo(isOpposite: false)
    case .wantYes(isOpposite: false): state = .wantYes(isOpposite: true)
    }
    return nil
  }
}
