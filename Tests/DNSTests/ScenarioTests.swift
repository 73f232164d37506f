import DNSCore
@testable import DNSResolver
import Foundation
import Services
import Synchronization
import TestKit
import Testing
import WireKit

/// A network that says what a scenario has for it, and complains of every other question.
///
/// ```
/// # remarks
/// root 192.0.2.1                                  the servers to begin at
/// ask www.example. A                              a client's question; what follows belongs to it
///   > 192.0.2.1 example. A                        the resolver must ask this server this
///   < NOERROR                                     and is told this: response code, AA where it says so, then records
///     authority example. 60 IN NS ns.example.     (`timeout` instead of a code: nobody answers)
///     additional ns.example. 60 IN A 192.0.2.2
///   = NOERROR www.example. 60 IN A 198.51.100.7   what the client must get: code and answer records, `|` between them
/// wait 61                                         seconds
/// ```
/// Questions and answers may come in any order within one `ask`, but each exactly once.
final class Scenario: UpstreamExchange {
  private struct Exchange {
    var question: String
    var code: String
    var records: [(section: String, record: ResourceRecord)] = []
  }

  private enum Step {
    case ask(String, RecordType, [Exchange], expected: String)
    case wait(Int64)
  }

  private let roots: [Endpoint]
  private let steps: [Step]
  private let waiting = Mutex<[Exchange]>([])
  private let complaints = Mutex<[String]>([])

  init(_ text: String) throws {
    var roots: [Endpoint] = []
    var steps: [Step] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      let words = line.split(separator: " ").map(String.init)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      switch first {
      case "root": roots.append(Endpoint(try #require(IPAddress(words[1])), 53))
      case "wait": steps.append(.wait(try #require(Int64(words[1]))))
      case "ask": steps.append(.ask(words[1], try #require(RecordType(words[2])), [], expected: ""))
      default: try Self.add(first, words, to: &steps)
      }
    }
    self.roots = roots
    self.steps = steps
  }

  private static func add(_ first: String, _ words: [String], to steps: inout [Step]) throws {
    guard case .ask(let name, let type, var exchanges, var expected) = steps.last else {
      throw ScenarioError("'\(words.joined(separator: " "))' belongs to no question")
    }
    switch first {
    case ">": exchanges.append(Exchange(question: words[1...].joined(separator: " "), code: ""))
    case "<": exchanges[exchanges.count - 1].code = words[1...].joined(separator: " ")
    case "answer", "authority", "additional":
      let type = try #require(RecordType(words[4]))
      let data = try RData(words[5...].joined(separator: " "), type: type)
      let record = ResourceRecord(try Name(words[1]), ttl: try #require(UInt32(words[2])), data)
      exchanges[exchanges.count - 1].records.append((first, record))
    case "=": expected = words[1...].joined(separator: " ")
    default: throw ScenarioError("'\(first)' means nothing")
    }
    steps[steps.count - 1] = .ask(name, type, exchanges, expected: expected)
  }

  func ask(_ question: Question, of server: Upstream, wantsDNSSEC: Bool) async throws -> Message {
    let text = "\(server.endpoint.address) \(question.name) \(question.type)"
    let found = waiting.withLock { waiting -> Exchange? in
      guard let index = waiting.firstIndex(where: { $0.question == text }) else { return nil }
      return waiting.remove(at: index)
    }
    guard let found else {
      complaints.withLock { $0.append("unexpected: \(text)") }
      throw ResolutionError.tooLate
    }
    if found.code == "timeout" { throw ResolutionError.tooLate }
    let words = found.code.split(separator: " ")
    let codes: [String: ResponseCode] = [
      "NOERROR": .noError, "NXDOMAIN": .nxDomain, "SERVFAIL": .servFail, "REFUSED": .refused,
    ]
    let code = codes[String(words.first ?? "")] ?? .formErr
    var message = Message(
      header: Header(id: 0, flags: words.contains("AA") ? [.response, .authoritative] : .response, responseCode: code),
      questions: [question])
    for (section, record) in found.records {
      switch section {
      case "answer": message.answers.append(record)
      case "authority": message.authorities.append(record)
      default: message.additionals.append(record)
      }
    }
    return message
  }

  /// Plays it; returns what went otherwise.
  func play(_ change: (inout ResolverConfiguration) -> Void = { _ in }) async throws -> [String] {
    let clock = ManualClock()
    var configuration = ResolverConfiguration(networks: [], roots: roots)
    change(&configuration)
    let resolver = Resolver(configuration, zones: ZoneSet(), clock: clock) { [self] _ in self }
    for step in steps {
      switch step {
      case .wait(let seconds): clock.advance(by: .seconds(seconds))
      case .ask(let name, let type, let exchanges, let expected):
        waiting.withLock { $0 = exchanges }
        let query = try Message(
          header: Header(id: 1, flags: .recursionDesired), questions: [Question(try Name(name), type)]
        ).encoded()
        let reply = try Message.decode(try #require(await resolver.reply(to: query, over: .stream)))
        let said = ([reply.responseCode.description + " " + reply.answers.map(\.description).joined(separator: " | ")])
          .joined().trimmingCharacters(in: .whitespaces)
        complaints.withLock { complaints in
          if said != expected { complaints.append("\(name) \(type): \(said), not \(expected)") }
          complaints += waiting.withLock { $0.map { "\(name) \(type): never asked: \($0.question)" } }
        }
      }
    }
    return complaints.withLock { $0 }
  }
}

struct ScenarioError: Error {
  let text: String
  init(_ text: String) { self.text = text }
}

/// Recorded scenarios, played with a network and a clock of the test's own.
@Suite(.timeLimit(.minutes(1))) struct ScenarioTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Vectors/Scenarios")

  private static let names = ["iteration", "lame-and-dead", "negative", "stale", "out-of-zone"]

  @Test(arguments: names) func scenario(name: String) async throws {
    let text = try String(contentsOf: Self.folder.appendingPathComponent("\(name).txt"), encoding: .utf8)
    let complaints = try await Scenario(text).play()
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  @Test func everyFileIsPlayed() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(Set(files) == Set(Self.names.map { "\($0).txt" }))
  }
}
