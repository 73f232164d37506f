import FTPCore
import Services
import Transport
import WireKit

extension FTPHandler {
  func logIn(
    _ control: FTPControl, _ name: [UInt8], _ password: [UInt8], isAnonymous: Bool, _ connection: Connection
  ) async -> FTPOutcome {
    if isAnonymous { return await enterAnonymously(control, connection) }
    let name = String(decoding: name, as: UTF8.self)
    let secret = Secret(password)
    let outcome = await authenticate(control, name, .password(secret), connection)
    if outcome == .codeNeeded { control.state.withLock { $0.halfLogIn = (name, secret) } }
    return outcome
  }

  func secondFactor(_ control: FTPControl, _ code: [UInt8], _ connection: Connection) async -> FTPOutcome {
    let half = control.state.withLock { state in
      defer { state.halfLogIn = nil }
      return state.halfLogIn
    }
    guard let half else { return .denied }
    let outcome = await authenticate(
      control, half.name, .passwordAndCode(half.password, code: Secret(code)), connection)
    return outcome == .codeNeeded ? .denied : outcome
  }

  private func authenticate(
    _ control: FTPControl, _ name: String, _ credential: LogInAttempt.Credential, _ connection: Connection
  ) async -> FTPOutcome {
    let attempt = LogInAttempt(
      name: name, credential: credential, service: connection.service, peer: connection.peer,
      isEncrypted: connection.isEncrypted)
    let result: LogInResult
    do throws(ServiceUnavailable) { result = try await context.accounts.authenticate(attempt) } catch {
      return .unavailable
    }
    switch result {
    case .granted(let identity): return await enter(control, identity, connection)
    case .denied: return .denied
    case .codeNeeded: return .codeNeeded
    case .penalised(let seconds): return .penalised(seconds: seconds)
    }
  }

  private func enter(_ control: FTPControl, _ identity: AccountIdentity, _ connection: Connection) async -> FTPOutcome {
    let find = control.configuration.files
    let files: (any FileStore)?
    do { files = try await onPool { try find(identity) } } catch {
      emit(
        .error, "the files of an account can't be opened", connection, account: identity.name,
        [.init("error", .string(String(describing: error)))])
      return .unavailable
    }
    guard let files else {
      emit(.notice, "log-in refused: no files for this account", connection, kind: .audit, account: identity.name)
      return .denied
    }
    control.state.withLock { state in
      state.identity = identity
      state.files = files
      state.folder = FilePath()
    }
    context.sessions.update(connection.id, account: identity.name)
    counters.withLock { $0.logIns += 1 }
    return .loggedIn
  }

  private func enterAnonymously(_ control: FTPControl, _ connection: Connection) async -> FTPOutcome {
    guard let find = control.configuration.anonymousFiles else { return .denied }
    guard let files = try? await onPool({ try find() }) else {
      emit(.error, "the anonymous files can't be opened", connection)
      return .unavailable
    }
    control.state.withLock { state in
      state.isAnonymous = true
      state.files = files
      state.folder = FilePath()
    }
    context.sessions.update(connection.id, account: "anonymous")
    counters.withLock { $0.logIns += 1 }
    emit(.info, "anonymous log-in", connection, kind: .audit, account: "anonymous")
    return .loggedIn
  }
}
