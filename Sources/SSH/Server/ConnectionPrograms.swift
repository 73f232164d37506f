import Services
import SSHCore
import Synchronization

/// What one connection has running.
final class ConnectionPrograms: Sendable {
  private struct State {
    var account: AccountIdentity?
    var programs: [ChannelNumber: any SessionProgram] = [:]
    var listeners: ForwardListeners?
    var hasEnded = false
  }

  private let state = Mutex(State())

  var account: AccountIdentity? {
    get { state.withLock { $0.account } }
    set { state.withLock { $0.account = newValue } }
  }

  subscript(_ channel: ChannelNumber) -> (any SessionProgram)? { state.withLock { $0.programs[channel] } }

  /// Returns whether the connection still stands; otherwise the program is closed at once.
  func add(_ program: any SessionProgram, _ channel: ChannelNumber) -> Bool {
    let isAlive = state.withLock { state in
      guard !state.hasEnded else { return false }
      state.programs[channel] = program
      return true
    }
    if !isAlive { program.close() }
    return isAlive
  }

  func remove(_ channel: ChannelNumber) -> (any SessionProgram)? {
    state.withLock { $0.programs.removeValue(forKey: channel) }
  }

  /// The listeners that the peer has asked for; `nil` once the connection has ended.
  func listeners(_ watch: DescriptorWatch) -> ForwardListeners? {
    state.withLock { state in
      guard !state.hasEnded else { return nil }
      if let listeners = state.listeners { return listeners }
      let listeners = ForwardListeners(watch)
      state.listeners = listeners
      return listeners
    }
  }

  func closeAll() {
    let (programs, listeners) = state.withLock { state in
      state.hasEnded = true
      defer { (state.programs, state.listeners) = ([:], nil) }
      return (Array(state.programs.values), state.listeners)
    }
    listeners?.close()
    for program in programs { program.close() }
  }
}
