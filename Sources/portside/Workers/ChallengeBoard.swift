import HTTPCore
import HTTPServer
import Services
import Synchronization
import Transport

/// What certificate authorities are to see now, for the services of a worker that show it.
final class ChallengeBoard: Sendable {
  private struct State {
    var challenges: [PublishedChallenge] = []
    var followers: [@Sendable ([PublishedChallenge]) -> Void] = []
  }

  private let state = Mutex(State())

  func replace(_ challenges: [PublishedChallenge]) {
    let followers = state.withLock { state in
      state.challenges = challenges
      return state.followers
    }
    for follower in followers { follower(challenges) }
  }

  /// Calls it now and after every change.
  func follow(_ follower: @escaping @Sendable ([PublishedChallenge]) -> Void) {
    let present = state.withLock { state in
      state.followers.append(follower)
      return state.challenges
    }
    follower(present)
  }

  /// The text of the file with this token (RFC 8555 §8.3).
  func file(_ token: String) -> String? {
    for challenge in state.withLock({ $0.challenges }) {
      if case .file(token, let text) = challenge.content { return text }
    }
    return nil
  }

  /// The path below which authorities look, on every host and in plain text.
  var mount: Mount {
    Mount(ChallengeSite.path, ChallengeSite(board: self)) { [self] request in
      // A site may have such files of its own.
      file(ChallengeSite.token(of: request)) != nil
    }
  }
}

/// Shows authorities the files that they ask for.
private struct ChallengeSite: SiteHandler {
  static let path = "/.well-known/acme-challenge"
  let board: ChallengeBoard

  static func token(of request: HTTPRequest) -> String { String(request.path.dropFirst(path.utf8.count + 1)) }

  func answer(_ request: HTTPRequest, on connection: Connection) -> HTTPReply? {
    guard request.method == .get || request.method == .head, let text = board.file(Self.token(of: request)) else {
      return Pages.error(.notFound)
    }
    var fields = Fields()
    fields.append(.contentType, "application/octet-stream" as StaticString)
    fields.append(.cacheControl, "no-store" as StaticString)
    return HTTPReply(.ok, fields: fields, content: .bytes(Array(text.utf8)))
  }
}
