import TestKit
import Testing
import WireKit

@testable import SSHCore

/// A server's and a client's session, and what they need of the outside: an account `ann` with a password and perhaps a
/// key, a code, and programs that answer from memory.
final class Pair {
  let server: SessionDriver<ServerSession>
  let client: SessionDriver<ClientSession>
  let outside: Outside

  /// What stands in for the outside of both ends. A class, for both drivers' closures share it.
  final class Outside {
    var password = Array("secret".utf8)
    var code: [UInt8]?
    var key: PrivateKey?
    var credentials: [ClientCredential] = []
    var answers: [Credential] = []
    var commands: [ClientCommand] = []
    var acceptsHostKey = true
    /// The one that the client had to judge.
    var certificate: KeyCertificate?
    /// What each channel was sent, and what it still has to say.
    var received: [ChannelNumber: [UInt8]] = [:]
    var output: [ChannelNumber: [UInt8]] = [:]
    var ended: Set<ChannelNumber> = []
    var proofs: [LogInProof] = []
    var starts: [SessionStart] = []
    /// Whether a program says what it was sent, and ends when its input does.
    var echoes = true
  }

  init(
    configuration: ServerSessionConfiguration? = nil, algorithms: AlgorithmPreferences = .init(),
    clientLimits: SSHLimits = .init(), outside: Outside = Outside()
  ) throws {
    self.outside = outside
    let configuration = try configuration ?? ServerSessionConfiguration(hostKeys: [PrivateKey(.ed25519)])
    server = SessionDriver(ServerSession(configuration), answer: { Self.answer($0, outside) })
    client = SessionDriver(
      ClientSession(user: "ann", algorithms: algorithms, limits: clientLimits),
      answer: { Self.answer($0, outside) })
  }

  private static func answer(_ request: ServerRequest, _ outside: Outside) -> ServerReply? {
    switch request {
    case .probeKey(_, let key): return .keyAccepted(key == outside.key?.publicKey.blob)
    case .logIn(let proof):
      outside.proofs.append(proof)
      return .verdict(judge(proof, outside))
    case .start(let channel, let start):
      outside.starts.append(start)
      if case .exec(let text) = start.program, text.starts(with: Array("say ".utf8)) {
        outside.output[channel] = [UInt8](
          repeating: 0x78, count: Int(String(decoding: text.dropFirst(4), as: UTF8.self)) ?? 0)
        outside.ended.insert(channel)
      }
      return .started(true)
    case .input(let channel, let bytes):
      outside.received[channel, default: []] += bytes
      if outside.echoes { outside.output[channel, default: []] += bytes }
      return .done
    case .inputEnd(let channel):
      outside.ended.insert(channel)
      return .done
    case .output(let channel, let maximum):
      let waiting = outside.output[channel] ?? []
      if waiting.isEmpty { return outside.ended.contains(channel) ? .output(.ended(.code(0))) : nil }
      outside.output[channel] = Array(waiting.dropFirst(maximum))
      return .output(.bytes(Array(waiting.prefix(maximum))))
    default: return .done
    }
  }

  private static func judge(_ proof: LogInProof, _ outside: Outside) -> LogInVerdict {
    let granted = LogInVerdict.granted(Grant(account: proof.user))
    switch proof.kind {
    case .publicKey(let blob): return blob == outside.key?.publicKey.blob ? granted : .denied
    case .password(let password):
      guard password.bytes == outside.password else { return .denied }
      return outside.code == nil ? granted : .codeNeeded
    case .passwordAndCode(let password, let code):
      return password.bytes == outside.password && code.bytes == outside.code ? granted : .denied
    }
  }

  private static func answer(_ request: ClientRequest, _ outside: Outside) -> ClientReply? {
    switch request {
    case .judgeHostCertificate(let certificate):
      outside.certificate = certificate
      return .hostKeyAccepted(outside.acceptsHostKey)
    case .judgeHostKey: return .hostKeyAccepted(outside.acceptsHostKey)
    case .credential: return .credential(outside.credentials.isEmpty ? .giveUp : outside.credentials.removeFirst())
    case .answer(let prompts):
      let answers = Array(outside.answers.prefix(prompts.count))
      outside.answers.removeFirst(answers.count)
      return .answers(answers)
    case .nextCommand: return outside.commands.isEmpty ? nil : .command(outside.commands.removeFirst())
    }
  }

  /// Gives the client something more to do.
  func tell(_ command: ClientCommand) {
    if let open = client.requests.last(where: { if case .nextCommand = $0.request { true } else { false } }) {
      client.resume(.command(command), for: open.ticket)
    } else {
      outside.commands.append(command)
    }
  }

  /// Programs that had nothing to say are asked again.
  func poke() {
    for (request, ticket) in server.requests {
      if let reply = Self.answer(request, outside) { server.resume(reply, for: ticket) }
    }
  }

  @discardableResult
  func talk(seed: UInt64 = 1, maximumPiece: Int = 1_500) -> StreamLink.Outcome {
    var link = StreamLink(seed: seed, faults: .init(maximumPiece: maximumPiece, maximumDelay: .zero))
    var outcome = StreamLink.Outcome.quiet
    for _ in 0..<2_000 {
      outcome = link.run(server, client)
      guard outcome == .quiet, server.requests.contains(where: { Self.answer($0.request, outside, peek: true) }) else {
        break
      }
      poke()
    }
    return outcome
  }

  /// Whether the request could be answered now.
  private static func answer(_ request: ServerRequest, _ outside: Outside, peek: Bool) -> Bool {
    guard case .output(let channel, _) = request else { return false }
    return outside.output[channel]?.isEmpty == false || outside.ended.contains(channel)
  }

  func open() {
    server.open()
    client.open()
  }

  func data(_ channel: UInt32 = 0) -> [UInt8] {
    client.events.reduce(into: []) { bytes, event in
      if case .data(ChannelNumber(channel), let more) = event { bytes += more }
    }
  }

  var isLoggedIn: Bool { client.events.contains { if case .loggedIn = $0 { true } else { false } } }

  var serverEnd: String? {
    server.events.lazy.compactMap { event -> String? in
      if case .disconnected(_, let diagnosis) = event { return diagnosis }
      return nil
    }.first
  }

  static func password(_ text: String) -> ClientCredential { .password(Credential(Array(text.utf8))) }
}
