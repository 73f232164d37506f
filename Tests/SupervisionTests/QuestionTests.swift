import Services
import Testing
import WireKit

@testable import Supervision

/// What workers ask of the supervisor.
struct QuestionTests {
  @Test func questionsAreAnsweredInParts() async throws {
    let supervised = try await Supervised([Fixture.worker(.web), Fixture.worker(.mail)]) { options in
      options.answerer = { name, bytes in
        let question = String(decoding: bytes, as: UTF8.self)
        // More than a packet holds.
        return Array((question == "long" ? String(repeating: "x", count: 100_000) : "\(name): \(question)").utf8)
      }
    }
    _ = try await supervised.supervisor.whenReady()
    let web = try LineClient(port: try await supervised.port(.web))
    let mail = try LineClient(port: try await supervised.port(.mail))
    #expect(try web.ask("ask one") == "web: one")
    #expect(try mail.ask("ask two") == "mail: two")
    #expect(try web.ask("ask long").count == 100_000)
    await supervised.supervisor.stop()
  }

  /// Where nobody answers, the answer is empty, and the worker lives.
  @Test func withoutAnAnswererNothingIsSaid() async throws {
    let supervised = try await Supervised([Fixture.worker(.web)])
    _ = try await supervised.supervisor.whenReady()
    let web = try LineClient(port: try await supervised.port(.web))
    #expect(try web.ask("ask one") == "")
    #expect(try await supervised.status(of: .web).restarts == 0)
    await supervised.supervisor.stop()
  }

  /// An answer that comes after its asker has ended goes nowhere.
  @Test func anAnswerForTheDeadIsDropped() async throws {
    let supervised = try await Supervised([Fixture.worker(.web)]) { options in
      options.answerer = { _, _ in
        try? await Task.sleep(for: .milliseconds(300))
        return [0x21]
      }
    }
    _ = try await supervised.supervisor.whenReady()
    let port = try await supervised.port(.web)
    let web = try LineClient(port: port)
    let other = try LineClient(port: port)
    web.say("ask late")
    _ = try? other.ask("exit 3")
    try await Task.sleep(for: .milliseconds(600))
    let next = try LineClient(port: port)
    #expect(try next.ask("ask again") == "!")
    await supervised.supervisor.stop()
  }
}
